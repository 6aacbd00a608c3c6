"""The sandbox's mailbox over real sockets: what SMTP clients and people looking at the pages get."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import uvicorn
from aiosmtplib import SMTP, SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected

from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.mailbox import Mailbox, MailFault, mail_app, read_mail
from tests.full_disk import full_disk

ANN = "ann@example.com"


def mail(subject: str = "Invoice", text: str = "12.50 EUR", html: str = "", to: str = ANN) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "billing@example.com", to, subject
    message["Date"], message["Message-ID"] = "Sun, 01 Nov 2026 02:00:00 +0100", "<one@billing>"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def send(mailbox: Mailbox, message: EmailMessage) -> None:
    async with SMTP(hostname="127.0.0.1", port=mailbox.port, timeout=5) as smtp:
        await smtp.send_message(message)


@asynccontextmanager
async def pages(folder: Path, mailbox: Mailbox | None = None) -> AsyncIterator[httpx.AsyncClient]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(mail_app(folder, mailbox), log_level="warning"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with local_http(base_url=url) as http:
                yield http
        finally:
            server.should_exit = True
            await serving


async def test_mail_is_kept_readable_under_its_recipient_and_subject(tmp_path: Path) -> None:
    async with Mailbox(tmp_path) as mailbox:
        await send(mailbox, mail("Счёт № 7: €12", "12,50 €", "<b>12,50 €</b>"))
    (kept,) = read_mail(tmp_path)
    assert (kept.message_id, kept.to, kept.subject) == ("<one@billing>", ANN, "Счёт № 7: €12")
    assert (kept.text.strip(), kept.html.strip()) == ("12,50 €", "<b>12,50 €</b>")
    assert kept.date
    assert kept.date.isoformat() == "2026-11-01T02:00:00+01:00"
    assert kept.headers["From"] == "billing@example.com"
    assert kept.path.name.endswith("Z-ann@example.com-счёт-7-12.eml")


async def test_repeats_are_all_kept_in_the_order_of_arrival(tmp_path: Path) -> None:
    async with Mailbox(tmp_path) as mailbox:
        for text in ("first", "second"):
            await send(mailbox, mail(text=text))
        await asyncio.gather(*(send(mailbox, mail(text="at once")) for _ in range(20)))
    assert [kept.text.strip() for kept in read_mail(tmp_path)] == ["first", "second"] + ["at once"] * 20
    assert {path.suffix for path in files(tmp_path)} == {".eml"}  # nothing half-written


async def test_on_a_full_disk_a_mail_is_not_half_kept_and_the_sender_is_told_to_come_again(tmp_path: Path) -> None:
    async with Mailbox(tmp_path / "mail") as mailbox:
        (tmp_path / "empty").touch()
        with full_disk(tmp_path / "empty", room=100), pytest.raises(SMTPDataError) as refused:
            await send(mailbox, mail())
        assert refused.value.code == 452
        assert files(tmp_path / "mail") == []
        await send(mailbox, mail())
    assert len(read_mail(tmp_path / "mail")) == 1


@pytest.mark.parametrize(("action", "code"), [("refuse", 550), ("defer", 451)])
async def test_recipient_fault_answers_its_code_so_many_times(tmp_path: Path, action: str, code: int) -> None:
    async with Mailbox(tmp_path) as mailbox:
        fault = {"action": action, "recipient": "ANN@example.com", "times": 2}
        mailbox.faults.append(MailFault.model_validate(fault))
        await send(mailbox, mail(to="bob@example.com"))
        for _ in range(2):
            with pytest.raises(SMTPRecipientsRefused) as refused:
                await send(mailbox, mail())
            assert refused.value.recipients[0].code == code
        await send(mailbox, mail())
    assert [kept.to for kept in read_mail(tmp_path)] == ["bob@example.com", ANN]


async def test_mail_in_an_unknown_charset_or_with_a_bad_date_is_still_readable(tmp_path: Path) -> None:
    async with Mailbox(tmp_path) as mailbox, SMTP(hostname="127.0.0.1", port=mailbox.port) as smtp:
        await smtp.sendmail("a@b.c", [ANN], b"Date: soon\r\nContent-Type: text/plain; charset=x\r\n\r\nh\xff!")
    (kept,) = read_mail(tmp_path)
    assert (kept.subject, kept.date, kept.text.strip()) == ("", None, "h\N{REPLACEMENT CHARACTER}!")


async def test_lost_reply_leaves_the_mail_delivered_and_the_sender_in_doubt(tmp_path: Path) -> None:
    async with Mailbox(tmp_path) as mailbox:
        mailbox.faults.append(MailFault(action="drop_reply"))
        with pytest.raises(SMTPServerDisconnected):
            await send(mailbox, mail())
        assert len(read_mail(tmp_path)) == 1
        await send(mailbox, mail())
    assert [kept.message_id for kept in read_mail(tmp_path)] == ["<one@billing>"] * 2


async def test_pages_list_newest_first_and_show_both_parts_escaped(tmp_path: Path) -> None:
    async with Mailbox(tmp_path) as mailbox, pages(tmp_path) as http:
        assert "0 kept" in (await http.get("/mail")).text
        await send(mailbox, mail("older"))
        await send(mailbox, mail("<script>new</script>", "a < b", '<p onclick="x">"hi"</p>'))
        listing = (await http.get("/mail")).text
        assert listing.index("&lt;script&gt;new") < listing.index("older")
        newest = read_mail(tmp_path)[-1].path.name
        assert f'href="mail/{quote(newest)}"' in listing
        page = await http.get(f"/mail/{newest}")
        assert "<pre>a &lt; b" in page.text
        assert 'sandbox="" title="HTML part" srcdoc="&lt;p onclick=&#34;x&#34;&gt;' in page.text
        assert "<script" not in listing + page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_nothing_outside_the_folder_is_served(tmp_path: Path) -> None:
    (tmp_path / "secret.eml").write_text("Subject: secret\n\n")
    async with Mailbox(tmp_path / "mail"), pages(tmp_path / "mail") as http:
        for name in ("../secret.eml", "..%2Fsecret.eml", "%2e%2e/secret.eml", str(tmp_path / "secret.eml")):
            assert (await http.get(f"/mail/{name}")).status_code == 404


async def test_control_endpoint_replaces_the_faults(tmp_path: Path) -> None:
    async with Mailbox(tmp_path) as mailbox, pages(tmp_path, mailbox) as http:
        rules = [{"action": "refuse", "recipient": ANN}]
        assert (await http.post("/_control/mail-faults", json=rules)).status_code == 200
        with pytest.raises(SMTPRecipientsRefused):
            await send(mailbox, mail())
        await http.post("/_control/mail-faults", json=[{"action": "defer"}])
        await http.post("/_control/mail-faults", json=[])
        await send(mailbox, mail())
        assert (await http.post("/_control/mail-faults", json=[{"action": "explode"}])).status_code == 422

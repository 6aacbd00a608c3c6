"""Digests: the alerts of the ledger's outbox, sent to the reviewers by each channel."""

from collections.abc import Sequence
from uuid import uuid4

from temporalio import activity

from billing.apart import Failed
from billing.errors import BillingError, MailRefused, MailUnavailable
from billing.keys import digest_message_id
from billing.model import Code, Model
from billing.period import Period
from billing.reviewers.alerts import unreadable, untellable
from billing.reviewers.digest import Digest
from billing.reviewers.digest_plan import ClaimedDigest
from billing.reviewers.ports import AlertOutbox, Channel
from services import clock

MAIL = "mail"


class DigestDelivery(Model):
    digest_id: Code
    channel: Code


class DigestActivities:
    """Sends digests by ``mail`` to ``reviewers`` ("": no mail) and by the ``others``; secrets stay in this process."""

    def __init__(
        self,
        ledger: AlertOutbox,
        mail: Channel,
        others: Sequence[Channel],
        reviewers: str,
        domain: str,
        console_url: str,
    ) -> None:
        self._ledger = ledger
        self._reviewers = reviewers
        self._domain = domain
        self._console_url = console_url
        self._channels = {f"other {number}": channel for number, channel in enumerate(others, start=1)}
        if reviewers:
            self._channels[MAIL] = mail

    @activity.defn
    async def claim_digest(self) -> ClaimedDigest:
        """Claims all unsent alerts for a digest. A repeat after a lost answer finds the same digest.

        Without a channel there is no digest: alerts wait until an address is configured.
        """
        if not self._channels:
            return ClaimedDigest()
        claim = await self._ledger.claim_alerts(uuid4().hex)
        return ClaimedDigest(digest_id=claim.digest_id, channels=tuple(self._channels), more=claim.more)

    @activity.defn
    async def tell_digest(self, delivery: DigestDelivery) -> bool:
        """Sends the digest by one channel; False if this worker has no such channel.

        A mail that is refused for good is retried too, visibly, until the address or the mail server is corrected.
        """
        channel = self._channels.get(delivery.channel)
        unread: list[Failed] = []
        alerts = await self._ledger.digest(delivery.digest_id, unread)
        alerts += [unreadable(failed, Period.at(clock.now(), "UTC"), clock.now()) for failed in unread]
        if not alerts:
            return True
        if channel is None:
            return False
        digest = Digest(
            digest_id=delivery.digest_id,
            message_id=digest_message_id(delivery.digest_id, self._domain),
            to=self._reviewers,
            console_url=self._console_url,
            alerts=tuple(alerts),
        )
        try:
            await _tell(channel, digest)
        except MailRefused as error:
            raise MailUnavailable(str(error)) from None
        activity.logger.info("sent: digest %s with %d alerts, by %s", digest.digest_id, len(alerts), delivery.channel)
        return True

    @activity.defn
    async def close_digest(self, digest_id: str) -> None:
        """Records that the digest was sent."""
        await self._ledger.close_digest(digest_id, clock.now())


async def _tell(channel: Channel, digest: Digest) -> None:
    try:
        await channel.tell(digest)
    except BillingError:
        raise
    except Exception as error:  # not of the channel: perhaps one alert cannot be rendered
        await channel.tell(_tellable(digest, channel, error))


def _tellable(digest: Digest, channel: Channel, error: Exception) -> Digest:
    """The digest with a plain line for each alert that cannot be rendered. Raises ``error`` if all can be."""
    alerts = []
    for alert in digest.alerts:
        try:
            channel.write(digest.evolve(alerts=(alert,)))
            alerts.append(alert)
        except Exception as failure:
            alerts.append(untellable(alert, failure))
    if alerts == list(digest.alerts):
        raise error
    return digest.evolve(alerts=tuple(alerts))

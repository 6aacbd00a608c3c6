"""docker-compose.yml and the Dockerfile agree with themselves, .env.example and the repository; no engine needed."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from process.shutdown import BY_FORCE, GRACE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()

VARIABLE = re.compile(r"(?<!\$)\$\{?(?P<name>[A-Z][A-Z0-9_]*)(?P<rest>[^}\s]*)")
SECRET = re.compile(r"PASSWORD|PWD|SECRET|TOKEN|API_KEY")
SPLIT_ADDRESSES = [("SQL_HOST", "SQL_PORT"), ("POSTGRES_SEEDS", "DB_PORT"), ("BILLING_SMTP_HOST", "BILLING_SMTP_PORT")]
LIBPQ = {"PGPASSWORD"}  # read by PostgreSQL's own library, not by our settings


def test_every_variable_is_documented_in_env_example() -> None:
    assert used_variables() <= documented()


def test_every_variable_of_env_examples_compose_section_is_used() -> None:
    section = documented(section="docker compose")
    assert section
    assert section <= used_variables()


def test_what_our_services_are_told_is_documented_in_env_example() -> None:
    for name in ("setup", "worker"):
        assert environment(name).keys() <= documented() | LIBPQ


def test_a_missing_password_stops_compose() -> None:
    assert "${POSTGRES_PASSWORD:?" in TEXT
    for match in VARIABLE.finditer(TEXT):
        if SECRET.search(match["name"]):
            assert match["rest"].startswith(":?"), match[0]


def test_no_secret_is_written_down() -> None:
    for name in SERVICES:
        for key, value in environment(name).items():
            if SECRET.search(key):
                assert value.startswith("${"), f"{name}: {key}"
            assert not re.search(r"//[^/@\s]*:[^/@\s]*@", value), f"{name}: a password in {key}"
    assert not re.search(r"^(ENV|ARG)\b.*(PASSWORD|SECRET|TOKEN|API_KEY)", DOCKERFILE, re.MULTILINE)


def test_images_are_pinned_and_none_is_deprecated() -> None:
    for name, service in SERVICES.items():
        _, _, tag = service["image"].partition(":")
        assert tag not in ("", "latest"), name
    assert "auto-setup" not in TEXT
    versions = {service["image"].split(":")[1] for service in SERVICES.values() if is_temporal(service["image"])}
    assert len(versions) == 1, "server and admin-tools are of one version"


def test_a_worker_has_time_to_end_in_order_and_is_started_again_however_it_ended() -> None:
    worker = SERVICES["worker"]
    assert worker["restart"] == "unless-stopped"
    seconds = int(worker["stop_grace_period"].removesuffix("s"))
    assert seconds > (GRACE + BY_FORCE).total_seconds()


def test_dependencies_exist_and_their_condition_can_come_true() -> None:
    for name, service in SERVICES.items():
        for dependency, wanted in service.get("depends_on", {}).items():
            target = SERVICES[dependency]
            one_shot = "restart" not in target
            if wanted["condition"] == "service_completed_successfully":
                assert one_shot, f"{name} waits for the end of {dependency}, which never ends"
            else:
                assert wanted["condition"] == "service_healthy"
                assert not one_shot, f"{name} waits for the health of {dependency}, which ends"
                assert "test" in target["healthcheck"], f"{dependency} has no health check"


@pytest.mark.parametrize("name", SERVICES)
def test_every_address_is_a_service_that_listens_there_and_is_waited_for(name: str) -> None:
    for host, port in addresses(name):
        assert host in SERVICES, f"{name} speaks to {host}:{port}"
        assert port in listening(host), f"{name} speaks to {host}:{port}"
        assert host in waited_for(name), f"{name} does not wait for {host}"


def test_every_published_port_is_for_this_machine_only_and_taken_once() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    for port in published:
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)
    assert len({port.split(":")[1] for port in published}) == len(published)


def test_every_volume_and_config_is_declared_and_used() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith(("$", ".", "/"))}
    assert named == COMPOSE["volumes"].keys()
    configs = [config for service in SERVICES.values() for config in service.get("configs", [])]
    assert {config["source"] for config in configs} == COMPOSE["configs"].keys()
    for config in configs:
        assert yaml.safe_load(COMPOSE["configs"][config["source"]]["content"])


def test_temporal_reads_the_mounted_config_and_has_its_final_number_of_shards() -> None:
    server = SERVICES["temporal"]
    assert server["environment"]["DYNAMIC_CONFIG_FILE_PATH"] == server["configs"][0]["target"]
    assert server["environment"]["NUM_HISTORY_SHARDS"] == "512"


def test_temporal_and_its_schema_job_use_the_same_databases_and_user() -> None:
    job, server = SERVICES["temporal-schema"], SERVICES["temporal"]["environment"]
    script = job["command"][0]
    assert f"prepare {server['DBNAME']} temporal\n" in script
    assert f"prepare {server['VISIBILITY_DBNAME']} visibility\n" in script
    assert job["environment"]["SQL_USER"] == server["POSTGRES_USER"]
    assert job["environment"]["SQL_USER"] == environment("postgresql")["POSTGRES_USER"]


def test_the_ledger_url_names_the_database_and_user_that_postgresql_creates() -> None:
    created = environment("postgresql")
    expected = f"://{created['POSTGRES_USER']}@postgresql:5432/{created['POSTGRES_DB']}"
    for name in ("setup", "worker"):
        assert environment(name)["BILLING_LEDGER_URL"].endswith(expected)


def test_everyone_uses_the_namespace_that_is_created() -> None:
    created = environment("temporal-namespace")["TEMPORAL_NAMESPACE"]
    assert environment("worker")["TEMPORAL_NAMESPACE"] == created
    assert environment("setup")["TEMPORAL_NAMESPACE"] == created
    assert environment("temporal-ui")["TEMPORAL_DEFAULT_NAMESPACE"] == created


def test_every_file_that_is_referenced_exists() -> None:
    scripts = [word for name in SERVICES for word in words(SERVICES[name].get("command")) if word.endswith(".py")]
    scripts += re.findall(r'^CMD .*"(\S+\.py)"', DOCKERFILE, re.MULTILINE)
    copied = [source for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE) for source in line.split()[:-1]]
    assert {"starter.py", "worker.py"} <= set(scripts)
    assert "requirements.txt" in copied
    for file in {*scripts, *copied, ".env.example"}:
        assert (ROOT / file).exists(), file


def test_the_image_holds_no_environment_file_and_does_not_run_as_root() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {".env", ".git", ".venv", "data"} <= set(ignored)
    assert re.search(r"^USER (?!0\b|root\b)\S+$", DOCKERFILE, re.MULTILINE)


def used_variables() -> set[str]:
    return {match["name"] for match in VARIABLE.finditer(TEXT)}


def documented(section: str | None = None) -> set[str]:
    """Variables of .env.example, commented out or not; of one section: from the line that names it to the next."""
    names, inside = set(), section is None
    for line in (ROOT / ".env.example").read_text().splitlines():
        if section and line.startswith("# ---"):
            inside = section in line
        if inside and (match := re.match(r"(?:# ?)?([A-Z][A-Z0-9_]*)=", line)):
            names.add(match[1])
    return names


def environment(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}


def words(command: str | list[str] | None) -> list[str]:
    return command.split() if isinstance(command, str) else command or []


def is_temporal(image: str) -> bool:
    return image.startswith(("temporalio/server:", "temporalio/admin-tools:"))


def default_of(value: str) -> str:
    """What Compose makes of `${NAME:-default}` when the variable is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def addresses(name: str) -> set[tuple[str, int]]:
    """The services this one speaks to: `host:port` in its environment, or host and port in two variables."""
    values = {key: default_of(value) for key, value in environment(name).items()}
    found = {(host, int(port)) for value in values.values() for host, port in re.findall(r"([a-z][\w-]*):(\d+)", value)}
    found |= {(values[host], int(values[port])) for host, port in SPLIT_ADDRESSES if host in values}
    return found


def listening(name: str) -> set[int]:
    service = SERVICES[name]
    return {int(port.split(":")[-1]) for port in [*service.get("ports", []), *service.get("expose", [])]}


def waited_for(name: str) -> set[str]:
    direct = set(SERVICES[name].get("depends_on", {}))
    return direct.union(*(waited_for(dependency) for dependency in direct))

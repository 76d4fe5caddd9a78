"""What the documentation says is true as far as a machine can tell."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from msgspec import NODEFAULT
from msgspec.structs import fields

from proxier.packaging.parser_tree import read_parser
from proxier.settings import AcsSettings, Settings, in_force, load
from tests.proxier import configuration_page

CHECKOUT = Path(__file__).parent.parent
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", *(CHECKOUT / "docs").glob("*.md")]
STATES = {"met", "part", "departs", "open"}


def conformance() -> list[list[str]]:
    lines = (CHECKOUT / "docs" / "conformance.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in rows if re.fullmatch(r"[A-Z]{3}-\d+", row[0])]


def test_the_code_map_names_every_module() -> None:
    page = (CHECKOUT / "docs" / "architecture.md").read_text()
    [code_map] = re.findall(r"## Code map\n(.*?)\n## ", page, re.DOTALL)
    named = set(re.findall(r"`(\w+)/?`", code_map))
    for package in ("cwmp_client", "translation", "proxier", "proxier/control_point", "proxier/status"):
        modules = {path.stem for path in (CHECKOUT / package).glob("[!_]*.py")}
        assert modules <= named, package


def test_the_readme_has_every_setting_with_its_default() -> None:
    [block] = re.findall(r"```toml\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    stated = tomllib.loads(block)
    assert stated == tomllib.loads(in_force(Settings(acs=AcsSettings(url=stated["acs"]["url"]))))


def test_the_sections_that_the_readme_only_sketches_can_be_used(tmp_path: Path) -> None:
    [block] = re.findall(r"```toml\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    sketched = re.sub(r"^# (?=\[\[|[a-z_]+ = )", "", block, flags=re.MULTILINE)
    document = tomllib.loads(sketched)
    (tmp_path / document["data_models"][0]["file"]).touch()
    (tmp_path / "proxier.toml").write_text(sketched)
    settings = load(tmp_path / "proxier.toml")
    for section, [table] in ((each, document[each]) for each in ("data_models", "devices")):
        [read] = getattr(settings, section)
        assert set(table) == {key.name for key in fields(read)}
        required = {key.name for key in fields(read) if key.default is NODEFAULT}
        assert all(table[key.name] == key.default for key in fields(read) if key.name not in required)


def slugs(page: Path) -> set[str]:
    """What a link can name of a page: its headings, as the sites that show Markdown spell them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_nobody_is_told_to_install_what_somebody_else_has_put_on_pypi_under_this_name() -> None:
    for page in PAGES:
        assert not re.findall(r"(?:install|upgrade)(?: -\S+)* '?proxier\b(?!-)", page.read_text()), page


def test_links_within_the_documentation_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
            name, _, heading = target.partition("#")
            if not re.match("https?:", target):
                there = page.parent / name if name else page
                assert there.exists(), f"{page.name}: {target}"
                assert not heading or heading in slugs(there), f"{page.name}: {target}"


def test_every_command_is_shown() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    for command in read_parser().all():
        if command.words and not command.needs_action:
            assert " ".join(("proxier", *command.words)) in text


def test_the_page_of_all_settings_is_up_to_date() -> None:
    page = (CHECKOUT / "docs" / "configuration.md").read_text()
    assert page == configuration_page.markdown(), "run make docs"


def test_each_requirement_stands_once_with_a_state() -> None:
    rows = conformance()
    assert len({row[0] for row in rows}) == len(rows) > 90
    assert {len(row) for row in rows} == {6}
    assert {row[4] for row in rows} <= STATES


def test_what_is_met_has_a_test_and_what_departs_a_reason() -> None:
    for name, _, _, tests, state, remark in conformance():
        assert tests or state not in {"met", "part"}, f"{name} has no test"
        assert remark or state not in {"part", "departs"}, f"{name} has no remark"


def test_the_tests_of_requirements_exist() -> None:
    for name, _, _, tests, _, _ in conformance():
        for file, _, test in (each.partition("::") for each in re.findall(r"`([^`]+)`", tests)):
            path = CHECKOUT / "tests" / file
            assert path.is_file(), f"{name}: there is no tests/{file}"
            assert not test or f"def {test}(" in path.read_text(), (
                f"{name}: there is no {test} in tests/{file}"
            )

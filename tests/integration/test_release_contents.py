"""Files of every source through a city's desk: hostile ones stop, honest ones leave."""

import hashlib
from collections.abc import Iterator

import pytest

from audit.tags import EntryKind
from disclosure.outcome import Refused
from disclosure.release.bodies import ReleaseDraft
from disclosure.release.contents.figures import PNG_START
from disclosure.release.files import FileDraft
from disclosure.release.requests import Request
from foundation.errors import NotFound
from tests.city import City, built_city, told

BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"
INVENTED = b"county,people\nwest,999\neast,1000\n"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


@pytest.fixture(scope="module")
def answer(city: City) -> FileDraft:
    identifier = str(told(city.ask(BY_AGE))["answer_id"])
    return FileDraft(name="by_age.csv", source="answer", reference=identifier)


def taken(city: City, file_format: str, data: bytes) -> str:
    return city.platform.intake.take(city.scope(), file_format, data).id


def submitted(city: City, *files: FileDraft) -> Request:
    actor = city.actor("analyst")
    asked = ReleaseDraft(title_zh="各年龄段户数", title_en="Households by age", files=files)
    draft = city.platform.desk.draft(actor, city.licence, asked)
    return city.platform.desk.submit_draft(actor, draft.id)


def failed(request: Request) -> set[str]:
    return {str(item["check"]) for item in request.checks if not item["passed"]}


def words(city: City, text: str) -> FileDraft:
    return FileDraft(name="notes.md", source="text", reference=taken(city, "md", text.encode()))


def figure(data: FileDraft, y: str = "households") -> FileDraft:
    chart = {"kind": "bar", "x": "age_band", "y": y, "title": "户数"}
    return FileDraft(
        name="figure.png", source="figure", plan={"chart": chart, "data": data.model_dump()}
    )


def test_a_hostile_file_is_refused_and_the_refusal_logged(city: City) -> None:
    with pytest.raises(Refused):
        taken(city, "csv", b"PK\x03\x04")
    refused = city.entries(EntryKind.RELEASE_FILE_REFUSED)[-1]
    assert refused.public["code"] == "file_archive"


def test_invented_counts_never_pass_as_recomputed(city: City) -> None:
    upload = taken(city, "csv", INVENTED)
    request = submitted(city, FileDraft(name="counts.csv", source="foreign", reference=upload))
    assert "recomputed" in failed(request)
    assert request.state != "checked"


def test_invented_counts_are_no_answer(city: City) -> None:
    upload = taken(city, "csv", INVENTED)
    with pytest.raises(NotFound):
        submitted(city, FileDraft(name="counts.csv", source="answer", reference=upload))


def test_a_file_is_bound_to_the_licence_it_was_handed_in_under(city: City) -> None:
    with pytest.raises(NotFound):
        submitted(city, FileDraft(name="counts.csv", source="foreign", reference="upl_other"))


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("# 说明\n\n共 987,654 户。\n", "numbers_traced"),
        ("联系 13800138000\n", "identifiers"),
        ("key Zm9vYmFyQmF6MTIzNDU2Nzg5MFFXRVJUWQ==\n", "opaque_runs"),
        ("户\u200b数\n", "unseen_characters"),
    ],
)
def test_words_that_carry_more_than_words_do_not_leave(
    city: City, answer: FileDraft, text: str, check: str
) -> None:
    assert check in failed(submitted(city, answer, words(city, text)))


def test_a_figure_leaves_only_with_its_data(city: City, answer: FileDraft) -> None:
    assert "figure_data_present" in failed(submitted(city, figure(answer)))


def test_table_words_and_figure_pass_together(city: City, answer: FileDraft) -> None:
    request = submitted(city, answer, words(city, "# 说明\n\n口径：户籍家庭。\n"), figure(answer))
    assert failed(request) == set()
    assert request.state == "checked"
    made = city.platform.desk.preview(city.actor("checker_one"), request.id, "figure.png")
    assert made.content.startswith(PNG_START)
    free = [item.name for item in request.files if not item.reproducible]
    assert free == ["notes.md"]  # an author's own words never leave without votes
    named = {item.name: item.sha256 for item in request.files}
    assert named["figure.png"] == f"sha256:{hashlib.sha256(made.content).hexdigest()}"


def test_only_the_digest_of_a_file_is_in_the_log(city: City) -> None:
    taken(city, "md", "屯溪区说明\n".encode())
    received = city.entries(EntryKind.RELEASE_FILE_RECEIVED)[-1]
    assert "屯溪区" not in received.body.decode()
    assert set(received.public) == {"upload", "licence", "session", "format"}

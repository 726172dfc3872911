"""The checks that look at all files of a request at once: hidden content, traced numbers, figures.

A text is judged beside the tables that it speaks of, and a figure beside the data that it shows.
"""

from collections.abc import Sequence

import pyarrow as pa

from disclosure.checks.desk import CheckResult
from disclosure.release.contents.scanning import numbers_traced, scan_texts
from disclosure.release.contents.sources import figure_plan, texts_in
from disclosure.release.files import FileDraft, ReleasedFile
from foundation.errors import Message
from policies.schema.contents import ContentRules


def check_together(
    files: Sequence[ReleasedFile],
    drafts: Sequence[FileDraft],
    titles: Sequence[str],
    rules: ContentRules,
) -> dict[str, tuple[CheckResult, ...]]:
    """Return the findings of each file, by its name, and those of the request's titles, by "".

    ``drafts`` are those of all the files.
    """
    tables = [file.table for file in files if file.table is not None and file.reproducible]
    by_name = {draft.name: draft for draft in drafts}
    found = {
        file.name: (
            *scan_texts([*texts_in(file), *_title_of(file, by_name[file.name])], rules),
            *_of_its_kind(file, by_name[file.name], drafts, tables, rules),
        )
        for file in files
    }
    if titles:
        numbers = numbers_traced("\n".join(titles), tables, rules)
        found[""] = (*scan_texts(titles, rules), numbers)
    return found


def _title_of(file: ReleasedFile, draft: FileDraft) -> tuple[str, ...]:
    """Return the words that an author draws into a figure."""
    return (figure_plan(draft).chart.title,) if file.source == "figure" else ()


def _of_its_kind(
    file: ReleasedFile,
    draft: FileDraft,
    drafts: Sequence[FileDraft],
    tables: Sequence[pa.Table],
    rules: ContentRules,
) -> tuple[CheckResult, ...]:
    if file.source == "text":
        return (numbers_traced(file.content.decode(), tables, rules),)
    if file.source == "figure":
        title = figure_plan(draft).chart.title
        return (_data_present(draft, drafts), numbers_traced(title, tables, rules))
    return ()


def _data_present(draft: FileDraft, drafts: Sequence[FileDraft]) -> CheckResult:
    """Check that a figure leaves beside the table it was drawn from, for its reader to compare.

    By its name as well: under another name a table is protected as another file, and may show
    cells that its namesake holds back.
    """
    beside = figure_plan(draft).data in list(drafts)
    return CheckResult(
        "figure_data_present",
        beside,
        Message(
            "图形的数据表已在本申请中。"
            if beside
            else "图形须与其数据表一并申请；请把该数据作为文件加入本申请。",
            "The figure's data is among the files."
            if beside
            else "A figure leaves with its data; add that table to this request as a file.",
        ),
    )

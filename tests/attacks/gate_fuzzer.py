"""Makes questions from a grammar of what is allowed and what is not, and spoils some of them.

Seeded, so that a failing question can be made again from its number. The grammar knows what the
world of ``test_gate_fuzz`` grants, and names hidden tables, columns, functions and files beside.
"""

import re
from random import Random  # noqa: TID251 - seeded: the same questions on every machine

TABLES = {
    "colleges": ("code", "name", "state", "students", "tuition"),
    "flights": ("day", "state", "delay"),
}
HIDDEN_TABLES = (
    "secrets", "main.secrets", "memory.main.colleges", '"secrets"', "'/etc/passwd'",
    "sandgate_incoming", "information_schema.tables", "sqlite_master", "pg_catalog.pg_class",
    "read_csv('/etc/passwd')", "query_table('colleges')", "query('SELECT 1 AS one')",
    "duckdb_tables()", "range(5)", "generate_series(1, 3)", "glob('/*')", "unnest([1, 2])",
    "(SHOW ALL TABLES)", "(DESCRIBE colleges)", "(SUMMARIZE colleges)",
)  # fmt: skip
# What an expression of a kind may be: n a number, s a text, b a truth value, d a date.
TEMPLATES = {
    "n": (
        "({n} + {n})", "({n} - {n})", "({n} * {n})", "({n} / {n})", "({n} // {n})", "({n} % {n})",
        "abs({n})", "round({n})", "sqrt({n})", "ln({n})", "pow({n}, {n})", "gcd({n}, {n})",
        "length({s})", "strpos({s}, {s})", "ascii({s})", "levenshtein({s}, {s})", "sign({n})",
        "CASE WHEN {b} THEN {n} ELSE {n} END", "coalesce({n}, {n})", "nullif({n}, {n})",
        "CAST({s} AS INTEGER)", "TRY_CAST({s} AS DOUBLE)", "CAST({n} AS DECIMAL(9, 2))",
        "year({d})", "date_diff('day', {d}, {d})", "(hash({s}) % 7)", "greatest({n}, {n})",
        "CAST({n} AS TINYINT)", "TRY({n} / {n})", "factorial({n})", "epoch({d})", "-{n}",
        "(SELECT max({n}) FROM flights)", "rank() OVER (ORDER BY {n})", "jaccard({s}, {s})",
        "sum({n}) OVER (PARTITION BY {s} ORDER BY {n})", "lag({n}) OVER (ORDER BY {s})",
        "ntile({n}) OVER (ORDER BY {n})", "extract(month FROM {d})", "CAST({b} AS INTEGER)",
    ),
    "s": (
        "upper({s})", "reverse({s})", "concat({s}, {n})", "substr({s}, {n}, {n})", "({s} || {s})",
        "strftime({d}, '%Y-%m')", "CAST({n} AS VARCHAR)", "replace({s}, {s}, {s})", "md5({s})",
        "lpad({s}, 7, {s})", "dayname({d})", "typeof({n})", "split_part({s}, {s}, {n})", "chr({n})",
        "CASE WHEN {b} THEN {s} ELSE {s} END", "regexp_extract({s}, {s})", "left({s}, {n})",
        "trim({s})", "regexp_replace({s}, {s}, {s})", "({s} COLLATE NOCASE)", "coalesce({s}, {s})",
        "CAST({d} AS VARCHAR)", "(SELECT min({s}) FROM colleges)", "sha256({s})", "least({s}, {s})",
        "first_value({s}) OVER (ORDER BY {n})", "strip_accents({s})", "CAST({b} AS VARCHAR)",
    ),
    "b": (
        "({n} < {n})", "({s} = {s})", "({s} LIKE {s})", "({n} IN ({n}, {n}))", "({b} AND {b})",
        "({n} BETWEEN {n} AND {n})", "({s} IS NULL)", "(NOT {b})", "({b} OR {b})", "({d} > {d})",
        "({s} IN (SELECT state FROM flights))", "EXISTS (SELECT 1 FROM flights f WHERE {b})",
        "regexp_matches({s}, {s})", "({s} ^@ {s})", "({n} IS DISTINCT FROM {n})", "isnan({n})",
        "({n} > ALL (SELECT delay FROM flights))", "contains({s}, {s})", "({s} SIMILAR TO {s})",
        "(({s}, {n}) IN (SELECT state, delay FROM flights))", "CAST({s} AS BOOLEAN)",
    ),
    "d": (
        "({d} + INTERVAL 1 DAY)", "date_trunc('month', {d})", "CAST({s} AS DATE)", "last_day({d})",
        "make_date({n}, 1, {n})", "try_strptime({s}, '%Y')", "strptime({s}, '%Y')", "({d} - {d})",
        "coalesce({d}, {d})", "CAST({d} AS TIMESTAMP)", "CASE WHEN {b} THEN {d} END",
    ),
}  # fmt: skip
LITERALS = {
    "n": ("0", "1", "3", "42", "9223372036854775807", "1.5", "1e308", "NULL"),
    "s": ("''", "'AK'", "'n1'", "'%1%'", "'[0-9]+('", "'大'", "'2026-01-01'", "$$q$$", "'a''b'"),
    "b": ("true", "false", "NULL"),
    "d": ("DATE '2026-01-01'", "TIMESTAMP 'infinity'", "NULL"),
}
COLUMNS = {
    "n": ("students", "tuition", "delay"),
    "s": ("code", "name", "state"),
    "b": (),
    "d": ("day",),
}
FORBIDDEN = (
    "error({s})", "getenv({s})", "current_setting({s})", "random()", "now()", "uuid()",
    "list({n})", "histogram({n})", "stats({n})", "nextval({s})", "read_text({s})",
    "repeat({s}, {n})", "row({n})", "format({s}, {n})", "printf({s}, {n})", "to_json({s})",
    "[{n}, {n}]", "{{'a': {n}}}", "({n})[1]", "main.lower({s})", "current_query()",
    "json_serialize_plan({s})", "range({n})", "map([{s}], [{n}])", "{s}::JSON", "{s}::secret_enum",
    "CAST({n} AS INTEGER[])", "{n}::BLOB", "(SELECT code FROM secrets)",
    "list_transform([{n}], lambda x: x + 1)", "secret_macro({n})", "getvariable({s})",
    "unnest([{n}])", "(SELECT 1 FROM read_text({s}))", "EXISTS (FROM secrets)", "$1", "?", "x'41'",
    "age({d})", "#1", "rowid", "secret", "current_user", "current_date", "colleges",
    "main.colleges.name", "c.secret", "COLUMNS(*)", "COLUMNS('.*')", "sum({n}, {n})",
    "enum_range({s})", "lpad({s}, {n})", "{n} <-> {n}",
)  # fmt: skip
HIDDEN_LIMITS = ("(SELECT 1)", "-1", "(SELECT count(*) FROM secrets)")
AGGREGATES = (
    "count({s})", "count(*)", "count(DISTINCT {s})", "sum({n})", "avg({n})", "min({s})",
    "max({d})", "median({n})", "mode({s})", "stddev({n})", "var_pop({n})", "entropy({s})",
    "bool_or({b})", "string_agg({s}, ',' ORDER BY {s})", "any_value({n})", "first({s})",
    "product({n})", "mad({n})", "sum({n}) FILTER (WHERE {b})", "count_if({b})",
    "quantile_cont({n}, 0.5)", "corr({n}, {n})", "approx_count_distinct({s})", "arg_max({s}, {n})",
    "sum(CASE WHEN {b} THEN {n} END)",
)  # fmt: skip
SPOILS = (
    ";", "--", "/*", "*/", "'", '"', "$$", "\x00", "\u202e", "\u200b", "\ud800", "ſ", "(", ")",
    "[", "]", "{", "}", "?", "$1", ":=", "=>", "->", "::", ".", ",", "\\", "`", "#", "@", "|>",
    "\n", " UNION ", " SELECT ", " FROM ", " WITH RECURSIVE ", " PIVOT ", " LATERAL ",
    " USING SAMPLE 5 ", "; SELECT * FROM secrets", " AS MATERIALIZED ", " OVER () ", "lambda x: ",
    "COPY colleges TO '/tmp/x'", "PRAGMA ", "EXPLAIN ", " AT (VERSION => 1) ", "secrets",
    "ｓecrets",
)  # fmt: skip


_HOLE = re.compile(r"(?<!\{)\{([nsbd])\}(?!\})")


class Grammar:
    """Questions of one seed, by number."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._names: list[str] = []

    def question(self) -> str:
        """Return one question: most of them well formed, one in four spoilt."""
        self._names = []
        sql = self._with() + self._query(0)
        for _ in range(self._random.choice((0, 0, 0, 0, 0, 0, 1, 2))):
            sql = self._spoilt(sql)
        return sql

    def _spoilt(self, sql: str) -> str:
        pick = self._random
        place, other = sorted((pick.randrange(len(sql) + 1), pick.randrange(len(sql) + 1)))
        match pick.randrange(5):
            case 0:
                return sql[:place] + pick.choice(SPOILS) + sql[place:]
            case 1:
                return sql[:place] + sql[min(other, place + 8) :]
            case 2:
                return sql[:other] + sql[place:]
            case 3:
                words = sql.split(" ")
                pick.shuffle(words)
                return " ".join(words) if pick.random() < 0.1 else sql.swapcase()
            case _:
                return sql.replace(pick.choice(sql or " "), pick.choice(SPOILS), 1)

    def _some(self, common: tuple[str, ...], rare: tuple[str, ...], share: float = 0.02) -> str:
        return self._random.choice(rare if self._random.random() < share else common)

    def _maybe(self, share: float, text: str) -> str:
        return text if self._random.random() < share else ""

    def _with(self) -> str:
        if self._random.random() > 0.2:
            return ""
        name = self._some(("x", "汇总"), ("colleges", "secrets", "duckdb_tables", "X y"), 0.1)
        recursive = self._maybe(0.05, "RECURSIVE ")
        body = self._query(1)
        self._names = [name]
        return f"WITH {recursive}{name} AS ({body}) "

    def _query(self, depth: int) -> str:
        first = self._select(depth)
        if self._random.random() < 0.1 and depth < 2:
            kind = self._random.choice(
                ("UNION", "UNION ALL", "EXCEPT", "INTERSECT", "UNION BY NAME")
            )
            return f"{first} {kind} {self._select(depth)}"
        return first

    def _select(self, depth: int) -> str:
        table, columns = self._from(depth)
        grouped = self._random.random() < 0.35
        keys = [self._random.choice(columns) for _ in range(self._random.randrange(1, 3))]
        listed = [
            self._aggregate(columns)
            if grouped
            else self._expression(self._random.choice("nnssbd"), columns, 0)
            for _ in range(self._random.randrange(1, 4))
        ]
        if grouped:
            listed = keys + listed
        if self._random.random() < 0.15 and not grouped:
            listed = [self._some(("*",), ("COLUMNS(*)", "* EXCLUDE (name)", "* LIKE 'n%'"), 0.3)]
        parts = [
            f"SELECT {self._maybe(0.08, 'DISTINCT ')}{', '.join(self._named(x) for x in listed)}",
            f"FROM {table}",
            self._maybe(0.5, f"WHERE {self._expression('b', columns, 0)}"),
            f"GROUP BY {', '.join(keys)}" if grouped else "",
            self._maybe(0.2, "HAVING count(*) > 1") if grouped else "",
            self._maybe(0.3, f"ORDER BY {self._random.choice(('1', 'ALL', *keys))}"),
            self._maybe(
                0.3,
                f"LIMIT {self._some(('3', '10%', '0'), HIDDEN_LIMITS)}",
            ),
        ]
        return " ".join(part for part in parts if part)

    def _named(self, expression: str) -> str:
        return expression + self._maybe(0.3, f" AS {self._some(('a', '数'), ('secrets', 'a b'))}")

    def _from(self, depth: int) -> tuple[str, tuple[str, ...]]:
        name = self._some((*TABLES, *self._names), HIDDEN_TABLES, 0.06)
        columns = TABLES.get(name, ("name", "state", "a"))
        if depth < 2 and self._random.random() < 0.12:
            return f"({self._query(depth + 1)}) s", ("a", "state", "name")
        if self._random.random() < 0.2:
            other = self._some(tuple(TABLES), HIDDEN_TABLES, 0.06)
            kind = self._some(
                ("JOIN", "LEFT JOIN", "SEMI JOIN", "ANTI JOIN", "FULL JOIN"),
                ("POSITIONAL JOIN", "ASOF JOIN", "CROSS JOIN", "NATURAL JOIN"),
                0.2,
            )
            on = self._some((" USING (state)",), ("", " ON true", " USING (secret)"), 0.15)
            return f"{name} {kind} {other}{on}", ("state", *columns)
        return name + self._some(
            ("",), (" TABLESAMPLE 10%", " AT (VERSION => 1)", " t(a)")
        ), columns

    def _filled(self, template: str, columns: tuple[str, ...], depth: int) -> str:
        def fill(found: re.Match[str]) -> str:
            return self._expression(found[1], columns, depth + 1)

        return _HOLE.sub(fill, template).replace("{{", "{").replace("}}", "}")

    def _aggregate(self, columns: tuple[str, ...]) -> str:
        return self._filled(self._some(AGGREGATES, FORBIDDEN), columns, 1)

    def _expression(self, kind: str, columns: tuple[str, ...], depth: int) -> str:
        pick = self._random
        if pick.random() < 0.04:
            kind = pick.choice("nsbd")
        if depth < 3 and pick.random() < 0.55:
            return self._filled(self._some(TEMPLATES[kind], FORBIDDEN), columns, depth)
        known = tuple(column for column in COLUMNS[kind] if column in columns)
        return self._some(known, LITERALS[kind], 0.3) if known else pick.choice(LITERALS[kind])

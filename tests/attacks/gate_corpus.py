"""Statements written for these tests: forbidden ones by class, and what analysts really ask.

The licence grants ``colleges`` and ``flights``. ``secrets`` exists beside them and is not
granted; CANARY stands in what no answer, heading or error may ever show.
"""

from datetime import date

import pyarrow as pa

from disclosure.gate.scope import TableGrant

CANARY = "canary7f3a"

FORBIDDEN_BY_CLASS: dict[str, dict[str, str]] = {
    "files": {  # files as tables, by name and by function
        "file_single_quoted": "SELECT * FROM '/etc/passwd'",
        "file_csv_name": "SELECT * FROM '/etc/hosts.csv'",
        "file_double_quoted": 'SELECT * FROM "/etc/passwd"',
        "read_csv": "SELECT * FROM read_csv('/etc/passwd')",
        "read_text": "SELECT content FROM read_text('/proc/self/environ')",
        "read_blob": "SELECT * FROM read_blob('/opt/guest/worker.py')",
        "read_parquet": "SELECT * FROM read_parquet('/**/*.parquet')",
        "read_json": "SELECT * FROM read_json_auto('/etc/passwd')",
        "read_duckdb": "SELECT * FROM read_duckdb('/tmp/x.db', table_name => 'secrets')",
        "glob": "SELECT * FROM glob('/*')",
        "sniff_csv": "SELECT * FROM sniff_csv('/etc/passwd')",
        "http": "SELECT * FROM 'https://example.invalid/x.parquet'",
        "parquet_metadata": "SELECT * FROM parquet_metadata('/tmp/x.parquet')",
        "arrow_scan": "SELECT * FROM arrow_scan(1, 2, 3)",
        "python_variable": "SELECT * FROM granted_tables",
        "read_csv_list": "SELECT * FROM read_csv(['/etc/passwd', '/etc/hosts'])",
        "read_in_exists": "SELECT name FROM colleges WHERE EXISTS (FROM read_text('/etc/passwd'))",
        "read_in_lateral": "SELECT * FROM colleges c, LATERAL read_csv(c.name)",
        "s3": "SELECT * FROM 's3://bucket/key.parquet'",
        "parquet_keys": "PRAGMA add_parquet_key('k', '0123456789112345')",
    },
    "writing": {  # writing, also inside a WITH
        "copy": "COPY colleges TO '/tmp/out.csv'",
        "copy_in_with": "WITH x AS (COPY colleges TO '/tmp/out.csv') SELECT * FROM x",
        "insert": "INSERT INTO colleges SELECT * FROM colleges",
        "insert_in_with": "WITH x AS (INSERT INTO colleges VALUES (1) RETURNING *) SELECT * FROM x",
        "delete_in_with": "WITH x AS (DELETE FROM colleges RETURNING *) SELECT * FROM x",
        "update_in_with": "WITH x AS (UPDATE colleges SET name='z' RETURNING *) SELECT * FROM x",
        "create_table": "CREATE TABLE mine AS SELECT * FROM colleges",
        "create_macro": "CREATE MACRO mine(x) AS (SELECT max(x) FROM secrets)",
        "export": "EXPORT DATABASE '/tmp/all'",
        "drop": "DROP TABLE colleges",
        "merge": "MERGE INTO colleges USING flights ON true WHEN MATCHED THEN DELETE",
        "truncate": "TRUNCATE colleges",
        "create_view": "CREATE SECURE VIEW v AS SELECT * FROM secrets",
        "create_type": "CREATE TYPE t AS ENUM (SELECT code FROM secrets)",
        "create_trigger": "CREATE TRIGGER t AFTER INSERT ON colleges EXECUTE SELECT 1",
        "comment_on": "COMMENT ON TABLE colleges IS 'x'",
        "checkpoint": "CHECKPOINT",
        "vacuum": "VACUUM ANALYZE",
    },
    "other_tables": {  # other tables, however they are reached
        "other_table": "SELECT * FROM secrets",
        "other_qualified": "SELECT * FROM main.secrets",
        "other_catalog": "SELECT * FROM memory.main.secrets",
        "own_qualified": "SELECT * FROM memory.main.colleges",
        "other_in_subquery": "SELECT name, (SELECT max(code) FROM secrets) FROM colleges",
        "other_in_exists": "SELECT name FROM colleges WHERE EXISTS (SELECT 1 FROM secrets)",
        "other_in_with": "WITH x AS (SELECT * FROM secrets) SELECT * FROM x, colleges",
        "other_in_union": "SELECT name FROM colleges UNION ALL SELECT code FROM secrets",
        "other_in_join": "SELECT * FROM colleges JOIN secrets ON true",
        "other_in_order": "SELECT name FROM colleges ORDER BY (SELECT max(code) FROM secrets)",
        "other_in_limit": "SELECT name FROM colleges LIMIT (SELECT count(*) FROM secrets)",
        "other_lateral": "SELECT * FROM colleges, LATERAL (SELECT code FROM secrets) x",
        "with_names_itself": (
            "WITH secrets AS (SELECT * FROM secrets) SELECT * FROM secrets, colleges"
        ),
        "with_forward": (
            "WITH a AS (SELECT * FROM secrets), secrets AS (SELECT 1 AS one) "
            "SELECT * FROM a, colleges"
        ),
        "with_catalog_name": (
            "WITH duckdb_tables AS (SELECT * FROM duckdb_tables) "
            "SELECT * FROM duckdb_tables, colleges"
        ),
        "with_folded_name": ("WITH ſecrets AS (SELECT 1 AS code) SELECT * FROM secrets, colleges"),
        "with_shadows_grant": "WITH colleges AS (SELECT 1 AS name) SELECT name FROM colleges",
        "query_function": "SELECT * FROM query('SELECT * FROM secrets')",
        "query_table": "SELECT * FROM query_table('sec' || 'rets')",
        "run_serialized": (
            "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM secrets'))"
        ),
        "from_first": "FROM secrets",
        "table_statement": "TABLE secrets",
        "case_of_name": "SELECT * FROM SECRETS",
        "unicode_name": "SELECT * FROM ｓｅｃｒｅｔｓ",
        "unicode_fold": "SELECT * FROM ſecrets",
        "comment_in_name": "SELECT * FROM main/**/./**/secrets",
        "other_in_filter": (
            "SELECT count(*) FILTER (WHERE name IN (SELECT code FROM secrets)) FROM colleges"
        ),
        "other_in_case": "SELECT CASE WHEN (SELECT true FROM secrets) THEN 1 END FROM colleges",
        "other_in_window": (
            "SELECT sum(students) OVER (ORDER BY (SELECT max(code) FROM secrets)) FROM colleges"
        ),
        "other_in_values": (
            "SELECT * FROM colleges, (VALUES ((SELECT max(code) FROM secrets))) v(x)"
        ),
        "other_in_having": (
            "SELECT count(*) FROM colleges HAVING count(*) < (SELECT count(*) FROM secrets)"
        ),
        "other_in_join_condition": (
            "SELECT 1 FROM colleges c JOIN flights f ON c.name = (SELECT max(code) FROM secrets)"
        ),
        "other_by_name": "SELECT name FROM colleges UNION BY NAME SELECT code AS name FROM secrets",
        "other_quoted": 'SELECT * FROM "secrets"',
        "other_semi": "SELECT * FROM colleges SEMI JOIN secrets ON true",
        "other_in_group": "SELECT count(*) FROM colleges GROUP BY (SELECT max(code) FROM secrets)",
    },
    "catalogue": {  # the engine's catalogue, settings and environment
        "information_schema": "SELECT * FROM information_schema.tables",
        "pg_catalog": "SELECT * FROM pg_catalog.pg_class",
        "sqlite_master": "SELECT * FROM sqlite_master",
        "duckdb_tables": "SELECT * FROM duckdb_tables()",
        "duckdb_settings": "SELECT * FROM duckdb_settings()",
        "duckdb_secrets": "SELECT * FROM duckdb_secrets()",
        "duckdb_databases": "SELECT * FROM duckdb_databases()",
        "duckdb_views_sql": "SELECT sql FROM duckdb_views()",
        "storage_info": "SELECT * FROM pragma_storage_info('secrets')",
        "pragma_call": "PRAGMA table_info('secrets')",
        "pragma_version": "CALL pragma_version()",
        "current_setting": "SELECT current_setting('temp_directory') FROM colleges",
        "getenv": "SELECT getenv('HOME') FROM colleges",
        "getvariable": "SELECT getvariable('x') FROM colleges",
        "current_user": "SELECT current_user FROM colleges",
        "current_schema": "SELECT current_schema() FROM colleges",
        "current_query": "SELECT current_query() FROM colleges",
        "stats": "SELECT stats(name) FROM colleges",
        "json_plan": "SELECT json_serialize_plan('SELECT * FROM secrets') FROM colleges",
        "show": "SHOW TABLES",
        "show_in_from": "SELECT * FROM (SHOW ALL TABLES)",
        "describe": "DESCRIBE secrets",
        "describe_in_from": "SELECT * FROM (DESCRIBE secrets)",
        "summarize": "SUMMARIZE secrets",
        "summarize_in_from": "SELECT * FROM (SUMMARIZE secrets)",
        "explain": "EXPLAIN ANALYZE SELECT * FROM secrets",
        "show_databases": "SHOW DATABASES",
        "typeof_table": "SELECT pg_typeof(c) FROM colleges c",
        "duckdb_columns": "SELECT column_name FROM duckdb_columns()",
        "duckdb_memory": "FROM duckdb_memory()",
        "has_privilege": "SELECT has_table_privilege('secrets', 'select') FROM colleges",
        "connection_id": "SELECT current_connection_id() FROM colleges",
        "in_search_path": "SELECT in_search_path('memory', 'main') FROM colleges",
        "session_user_column": "SELECT session_user FROM colleges",
        "pg_sleep": "SELECT pg_sleep(10) FROM colleges",
        "txid": "SELECT txid_current() FROM colleges",
    },
    "types_and_nesting": {  # types, structs, lambdas, macros
        "enum_type": "SELECT 'a'::secret_enum FROM colleges",
        "enum_qualified": "SELECT 'a'::memory.main.secret_enum FROM colleges",
        "enum_range": "SELECT enum_range(NULL::secret_enum) FROM colleges",
        "struct_type": "SELECT CAST(name AS STRUCT(a INT)) FROM colleges",
        "whole_row": "SELECT colleges FROM colleges",
        "whole_row_alias": "SELECT c::VARCHAR FROM colleges c",
        "row_json": "SELECT to_json(c) FROM colleges c",
        "lambda": "SELECT list_transform([1, 2], lambda x: x + 1) FROM colleges",
        "list_comprehension": "SELECT [x FOR x IN [1, 2]] FROM colleges",
        "struct_field": "SELECT {'a': 1}.a FROM colleges",
        "columns_star": "SELECT COLUMNS(*) FROM colleges",
        "columns_pattern": "SELECT COLUMNS('.*') FROM colleges",
        "unnest": "SELECT unnest([1, 2, 3]) FROM colleges",
        "union_type": "SELECT union_value(k := 1) FROM colleges",
        "macro_call": "SELECT secret_macro(1) FROM colleges",
        "qualified_function": "SELECT main.lower(name) FROM colleges",
        "system_function": "SELECT system.main.lower(name) FROM colleges",
        "map": "SELECT map([name], [state]) FROM colleges",
        "histogram": "SELECT histogram(name) FROM colleges",
        "list_agg": "SELECT list(name) FROM colleges",
        "array_extract": "SELECT array_extract([1, 2], 1) FROM colleges",
        "json_cast": "SELECT name::JSON FROM colleges",
        "blob_cast": "SELECT name::BLOB FROM colleges",
        "variant": "SELECT variant_extract(name, 'a') FROM colleges",
        "aggregate_state": "SELECT finalize(name) FROM colleges",
        "type_of_expression": "SELECT CAST(name AS STRUCT(code VARCHAR)[]) FROM colleges",
    },
    "hidden_parts": {  # hidden columns and rows of a granted table
        "unknown_column": "SELECT hidden FROM colleges",
        "rowid": "SELECT rowid FROM colleges",
        "positional": "SELECT #1 FROM colleges",
        "three_part_column": "SELECT main.colleges.name FROM colleges",
        "four_part_column": "SELECT memory.main.colleges.name FROM colleges",
        "hidden_qualified": "SELECT c.secret FROM colleges c",
        "hidden_in_order": "SELECT name FROM colleges ORDER BY secret",
        "hidden_in_using": "SELECT * FROM colleges JOIN flights USING (secret)",
        "hidden_excluded": "SELECT secret FROM (SELECT * EXCLUDE (name) FROM colleges)",
        "hidden_in_filter": "SELECT count(*) FILTER (WHERE secret = 1) FROM colleges",
        "file_row_number": "SELECT file_row_number FROM colleges",
        "wide_row": "SELECT hash(colleges) FROM colleges",
    },
    "statements_and_settings": {  # several statements, settings, sessions
        "two_statements": "SELECT name FROM colleges; SELECT * FROM secrets",
        "two_after_comment": "SELECT name FROM colleges --\n; DROP TABLE colleges",
        "set": "SET enable_external_access = true",
        "set_variable": "SET VARIABLE x = (SELECT max(code) FROM secrets)",
        "reset": "RESET lock_configuration",
        "attach": "ATTACH '/tmp/x.db' AS x",
        "attach_memory": "ATTACH ':memory:' AS x",
        "use": "USE system",
        "install": "INSTALL httpfs",
        "load": "LOAD httpfs",
        "call": "CALL duckdb_tables()",
        "prepare": "PREPARE p AS SELECT * FROM secrets",
        "execute": "EXECUTE p",
        "begin": "BEGIN TRANSACTION",
        "named_parameter": "SELECT name FROM colleges WHERE name = $name",
        "question_mark": "SELECT name FROM colleges WHERE name = ?",
        "numbered_parameter": "SELECT $1 FROM colleges",
        "connect": "CONNECT '/tmp/x.db'",
        "detach": "DETACH memory",
        "explain_analyze": "EXPLAIN ANALYZE SELECT * FROM colleges",
        "deallocate": "DEALLOCATE p",
        "empty_then": "; SELECT * FROM secrets",
        "pragma_profiling": "PRAGMA enable_profiling",
        "commit": "COMMIT",
    },
    "bombs": {  # bombs
        "recursive": (
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
            "SELECT count(*) FROM r, colleges"
        ),
        "series": "SELECT * FROM generate_series(1, 1000000000000)",
        "range_table": "SELECT count(*) FROM range(1000000000000), colleges",
        "range_scalar": "SELECT range(100000000) FROM colleges",
        "repeat": "SELECT repeat('x', 2000000000) FROM colleges",
        "lpad_bomb": "SELECT lpad(name, 2000000000, 'x') FROM colleges",
        "lpad_column": "SELECT lpad(name, students, 'x') FROM colleges",
        "format_bomb": "SELECT format('{:>2000000000}', name) FROM colleges",
        "sleep": "SELECT sleep_ms(100000) FROM colleges",
        "nested_brackets": "SELECT " + "(" * 5_000 + "1" + ")" * 5_000 + " FROM colleges",
        "nested_plus": "SELECT " + "1+" * 5_000 + "1 FROM colleges",
        "nested_not": "SELECT " + "NOT " * 900 + "true FROM colleges",
        "nested_queries": "SELECT * FROM " + "(SELECT * FROM " * 90 + "colleges" + ")" * 90,
        "huge_text": "SELECT name FROM colleges WHERE name IN ('" + "x" * 70_000 + "')",
        "too_many_parts": "SELECT name FROM colleges WHERE students IN (" + "1," * 30_000 + "1)",
        "series_scalar": "SELECT generate_series(1, 100000000) FROM colleges",
        "array_resize": "SELECT list_resize([1], 1000000000) FROM colleges",
        "nested_case": (
            "SELECT " + "CASE WHEN true THEN " * 300 + "1" + " END" * 300 + " FROM colleges"
        ),
        "bar_bomb": "SELECT bar(students, 0, 1, 1000000000) FROM colleges",
        "using_key": (
            "WITH RECURSIVE r(a, b) USING KEY (a) AS (SELECT 1, 2 UNION SELECT a, "
            "b + 1 FROM r) SELECT * FROM r, colleges"
        ),
        "to_base_bomb": "SELECT to_base(students, 2, 1000000000) FROM colleges",
    },
    "raising_and_drawing": {  # raising and drawing
        "error_function": "SELECT error(name) FROM colleges",
        "random": "SELECT random() FROM colleges",
        "uuid": "SELECT uuid() FROM colleges",
        "clock": "SELECT now() FROM colleges",
        "clock_column": "SELECT current_timestamp FROM colleges",
        "nextval": "SELECT nextval('s') FROM colleges",
        "write_log": "SELECT write_log('x') FROM colleges",
        "age_of_now": "SELECT age(day) FROM flights",
        "today": "SELECT today() FROM colleges",
        "setseed": "SELECT setseed(0.5) FROM colleges",
        "assert_true": "SELECT assert_true(name = 'x') FROM colleges",
        "local_clock": "SELECT current_localtimestamp() FROM colleges",
        "reservoir": "SELECT reservoir_quantile(students, 0.5) FROM colleges",
        "order_by_random": "SELECT name FROM colleges ORDER BY random()",
    },
    "other_forms": {  # other forms
        "pivot": "PIVOT colleges ON state USING sum(students)",
        "unpivot": "SELECT * FROM (UNPIVOT colleges ON students, tuition)",
        "positional_join": "SELECT * FROM colleges POSITIONAL JOIN flights",
        "sample": "SELECT * FROM colleges TABLESAMPLE 10%",
        "using_sample": "SELECT * FROM colleges USING SAMPLE 5 ROWS",
        "at_version": "SELECT * FROM colleges AT (VERSION => 1)",
        "nul": "SELECT name FROM colleges WHERE name = 'a\0b'",
        "bidi": "SELECT name FROM colleges --\u202e\u2066",
        "zero_width": "SELECT name FROM col\u200bleges",
        "byte_order_mark": "\ufeffSELECT name FROM colleges",
        "escape_character": "SELECT name FROM colleges --\x1b[2J",
        "empty": "",
        "only_comment": "-- nothing",
        "nonsense": "DROP everything please",
        "no_table": "SELECT 1",
        "columns_lambda": "SELECT COLUMNS(c -> c LIKE 'n%') FROM colleges",
        "star_pattern": "SELECT COLUMNS('(na)me') AS '\\1' FROM colleges",
        "pivot_in_from": "SELECT * FROM flights PIVOT (sum(delay) FOR state IN ('AK', 'AL'))",
        "dynamic_pivot": "FROM (PIVOT flights ON state USING sum(delay))",
        "soft_hyphen": "SELECT na\u00adme FROM colleges",
        "private_use": "SELECT name FROM colleges -- \ue000",
        "line_separator": "SELECT name\u2028FROM colleges",
    },
}
FORBIDDEN: dict[str, str] = {
    name: sql for group in FORBIDDEN_BY_CLASS.values() for name, sql in group.items()
}

LEGITIMATE: tuple[str, ...] = (
    "SELECT * FROM colleges",
    "FROM colleges SELECT name, state WHERE students > 5",
    "SELECT count(*) FROM colleges",
    "SELECT state, count(*) AS n, avg(tuition) AS tuition FROM colleges GROUP BY state ORDER BY n",
    "SELECT DISTINCT state FROM colleges ORDER BY 1 DESC NULLS LAST LIMIT 3 OFFSET 1",
    "SELECT * EXCLUDE (tuition) RENAME (name AS school) FROM colleges",
    "SELECT * REPLACE (upper(name) AS name) FROM colleges",
    "SELECT c.*, f.delay FROM colleges c LEFT JOIN flights f ON c.state = f.state",
    "SELECT * FROM colleges JOIN flights USING (state)",
    "SELECT name FROM colleges WHERE state IN (SELECT state FROM flights WHERE delay > 10)",
    "SELECT name FROM colleges c WHERE EXISTS (SELECT 1 FROM flights f WHERE f.state = c.state)",
    "SELECT name FROM colleges WHERE tuition > (SELECT avg(tuition) FROM colleges)",
    "SELECT name, CASE WHEN students > 1000 THEN '大' ELSE '小' END AS 规模 FROM colleges",
    (
        "WITH by_state AS (SELECT state, sum(students) AS n FROM colleges GROUP BY state) "
        "SELECT b.state, b.n, f.delay FROM by_state b JOIN flights f ON f.state = b.state"
    ),
    (
        "WITH a AS (SELECT * FROM colleges), b(s, n) AS MATERIALIZED "
        "(SELECT state, count(*) FROM a GROUP BY ALL) SELECT s, n FROM b WHERE n > 1"
    ),
    (
        "SELECT name, row_number() OVER (PARTITION BY state ORDER BY students DESC) AS place "
        "FROM colleges QUALIFY place <= 2"
    ),
    (
        "SELECT day, avg(delay) OVER (ORDER BY day ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) "
        "AS smooth, lag(delay, 1, 0) OVER (ORDER BY day) AS before FROM flights"
    ),
    "SELECT sum(delay) OVER w AS s FROM flights WINDOW w AS (PARTITION BY state)",
    "SELECT date_trunc('month', day) AS m, quantile_cont(delay, 0.9) AS q FROM flights GROUP BY 1",
    (
        "SELECT extract(year FROM day) AS y, count(*) FILTER (WHERE delay > 15) AS late "
        "FROM flights GROUP BY ROLLUP (y)"
    ),
    "SELECT day + INTERVAL 7 DAY, day - DATE '2020-01-01', strftime(day, '%Y-%m') FROM flights",
    (
        "SELECT TRY_CAST(name AS INTEGER), students::DOUBLE / 3, CAST(tuition AS DECIMAL(12, 2)), "
        "round(tuition / 7.0, 2) FROM colleges"
    ),
    (
        "SELECT trim(upper(name)) || '-' || lpad(state, 4, '0'), length(name), "
        "substring(name FROM 1 FOR 2), regexp_replace(name, '[0-9]+', '') FROM colleges "
        "WHERE name LIKE 'c%' OR name ILIKE '%X%' ESCAPE '!' OR name NOT SIMILAR TO 'q.*'"
    ),
    "SELECT state FROM colleges UNION SELECT state FROM flights EXCEPT SELECT 'ZZ' ORDER BY state",
    (
        "SELECT coalesce(nullif(state, 'AK'), '其他') AS 州, string_agg(name, '、' ORDER BY name) "
        "FROM colleges GROUP BY ALL HAVING count(DISTINCT name) >= 1"
    ),
    (
        "SELECT x.s, x.n FROM (SELECT state AS s, count(*) AS n FROM colleges GROUP BY state) x "
        "WHERE x.n BETWEEN 1 AND 100"
    ),
    "SELECT a.name, b.name FROM colleges a, colleges b WHERE a.state = b.state AND a.name < b.name",
    (
        "SELECT v.k, count(*) FROM colleges c JOIN (VALUES ('AK', 1), ('AL', 2)) v(s, k) "
        "ON v.s = c.state GROUP BY v.k"
    ),
    (
        "SELECT c.name, l.worst FROM colleges c, LATERAL "
        "(SELECT max(delay) AS worst FROM flights f WHERE f.state = c.state) l"
    ),
    (
        "SELECT corr(students, tuition), stddev(tuition), median(tuition), arg_max(name, students) "
        "FROM colleges"
    ),
    "SELECT tuition AS t, t * 2 AS double_t FROM colleges WHERE t IS NOT NULL ORDER BY double_t",
    "SELECT avg(tuition) AS tuition FROM colleges HAVING avg(tuition) > 0",
    "SELECT name FROM colleges WHERE (state, name) IN (SELECT state, name FROM colleges)",
    "select NAME, Colleges.State from COLLEGES where STATE = 'AK'; -- 注释 it's fine",
    "WITH 汇总 AS (SELECT state AS 州 FROM colleges) SELECT _h.州 FROM 汇总 _h",
    "SELECT name FROM colleges WHERE students > ALL (SELECT delay FROM flights WHERE delay < 3)",
    "SELECT state, name FROM colleges ORDER BY ALL DESC NULLS LAST",
    "SELECT name, state FROM colleges UNION ALL BY NAME SELECT state, delay FROM flights",
    "SELECT hash(name) % 10 AS bucket, count(*), sha256(min(name)) FROM colleges GROUP BY bucket",
    "SELECT age(day, DATE '2020-01-01'), day::TIMESTAMP_NS, typeof(delay) FROM flights",
    "SELECT wavg(tuition, students), factorial(3), name ^@ 'c' FROM colleges GROUP BY name",
    "SELECT students::INT64 + 1::UINT128 FROM colleges WHERE name GLOB 'c*' LIMIT 50%",
    "SELECT state, grouping(state), count(*) FROM colleges GROUP BY GROUPING SETS ((state), ())",
    "SELECT f.day, c.name FROM flights f ASOF JOIN colleges c ON f.delay >= c.students",
)
GRANTS = {
    "colleges": TableGrant(extract=("name", "state", "students", "tuition")),
    "flights": TableGrant(extract=("day", "state", "delay")),
}


def granted_tables() -> dict[str, pa.Table]:
    """The governed extracts: nothing in them is hidden."""
    colleges = {
        "name": ["c1", "c2", "c3", "c4"],
        "state": ["AK", "AK", "AL", None],
        "students": [10, 2_000, 30, 4],
        "tuition": [100, 200, None, 400],
    }
    days = [date(2026, 1, 1), date(2026, 1, 2), date(2026, 2, 1)]
    flights = {"day": days, "state": ["AK", "AL", "AL"], "delay": [1, 20, 30]}
    return {"colleges": pa.table(colleges), "flights": pa.table(flights)}

-- One row a state, with its region: the bridge itself, as a table that others are joined to.
SELECT postal, name_en, name_zh, region
FROM read_csv(getvariable('states'), all_varchar = true)
ORDER BY postal

-- One row a college and year. Two text columns are made of the identifier, to show text masks.
SELECT
    CAST(unitid AS BIGINT) AS college_id,
    lpad(CAST(unitid AS VARCHAR), 6, '0') AS college_code,
    'scorecard/' || CAST(year AS VARCHAR) || '/' || CAST(unitid AS VARCHAR) AS source_record,
    state_abbr AS state,
    CASE pred_degree_awarded_ipeds
        WHEN 'Less than two-year' THEN 'under_two_year' WHEN 'Two-year degree' THEN 'two_year'
        ELSE 'four_year'
    END AS degree,
    CAST(year AS BIGINT) AS year,
    CAST(earnings_med AS BIGINT) AS earnings_median,
    CAST(count_working AS BIGINT) AS working,
    CAST(count_not_working AS BIGINT) AS not_working
FROM read_csv(getvariable('extracted') || '/scorecard.csv', all_varchar = true)
ORDER BY college_id, CAST(year AS BIGINT)

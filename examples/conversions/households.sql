-- One row a tax unit of the CPS public-use files; a household is a (survey, household) pair. The
-- survey's year stands twice: as part of the unit, never shown, and as a public key.
SELECT
    cps.FLPDYR AS survey,
    cps.h_seq AS household,
    cps.RECID AS record,
    cps.FLPDYR AS year,
    states.postal AS state,
    CASE cps.MARS
        WHEN 1 THEN 'single' WHEN 2 THEN 'joint' WHEN 3 THEN 'separate' ELSE 'head'
    END AS filing_status,
    CASE
        WHEN cps.age_head < 25 THEN 'under_25' WHEN cps.age_head < 35 THEN '25_34'
        WHEN cps.age_head < 45 THEN '35_44' WHEN cps.age_head < 55 THEN '45_54'
        WHEN cps.age_head < 65 THEN '55_64' ELSE '65_over'
    END AS age_band,
    cps.XTOT AS persons,
    cps.nu18 AS children,
    cps.e00200 AS wages,
    cps.e00900 AS business_income,
    cps.e00300 AS interest,
    cps.e02400 AS social_security,
    cps.e01500 AS pensions,
    cps.snap_ben AS food_support
FROM read_csv(getvariable('extracted') || '/cps.csv.gz') AS cps
JOIN read_csv(getvariable('states')) AS states ON states.fips = cps.fips
ORDER BY cps.RECID

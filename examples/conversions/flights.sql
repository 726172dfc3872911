-- One row a flight; the destination airport gives the state. 51 states only: Puerto Rico and the
-- Virgin Islands are left out.
SELECT
    make_date(flights.year::INTEGER, flights.month::INTEGER, flights.day::INTEGER) AS day,
    CAST(flights.month AS BIGINT) AS month,
    flights.carrier,
    flights.origin,
    flights.dest AS destination,
    states.postal AS state,
    TRY_CAST(flights.dep_delay AS BIGINT) AS departure_delay,
    TRY_CAST(flights.arr_delay AS BIGINT) AS arrival_delay,
    CAST(flights.distance AS BIGINT) AS distance
FROM read_csv(getvariable('extracted') || '/flights.csv', all_varchar = true) AS flights
JOIN read_csv(getvariable('extracted') || '/airports.csv', all_varchar = true) AS airports
    ON airports.iata = flights.dest
JOIN read_csv(getvariable('states')) AS states ON states.postal = airports.state
ORDER BY day, flights.carrier, CAST(flights.flight AS BIGINT), flights.origin, destination,
    flights.sched_dep_time

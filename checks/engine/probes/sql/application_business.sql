-- The business figures by complete hours before this one (0 is the newest), and for how long any are known.
-- source: penhas_checks.business_hours()
-- scope: any; versions: 14 and later
SELECT figure, extract(epoch FROM now() - min(since)) AS known_for,
       json_agg((round(extract(epoch FROM date_trunc('hour', now()) - hour) / 3600)::integer - 1) || ':' || events)
           FILTER (WHERE hour < date_trunc('hour', now())) AS hours
FROM penhas_checks.business_hours()
GROUP BY figure ORDER BY figure;

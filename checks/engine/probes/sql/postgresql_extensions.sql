-- Extensions of another version than the server brings, as after an upgrade (catalogue PG38).
-- source: pg_available_extensions
-- scope: any; versions: 14 and later
SELECT count(*) AS outdated,
       json_agg(format('%s %s, the server brings %s', name, installed_version, default_version) ORDER BY name)
           AS culprits
FROM pg_available_extensions
WHERE installed_version IS NOT NULL AND installed_version <> default_version;

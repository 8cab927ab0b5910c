-- Superusers, roles whose password ends, and whether everyone may create in the schema public (catalogue PG37, PG46).
-- Our own role has a check of its own.
-- source: pg_roles
-- scope: any; versions: 14 and later
SELECT json_agg(rolname ORDER BY rolname) FILTER (WHERE rolsuper AND rolname <> current_user) AS superusers,
       EXISTS (SELECT FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
               WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE') AS public_create,
       min(extract(epoch FROM rolvaliduntil - now())) FILTER (WHERE ends) AS expiring,
       json_agg(format('%s: %s d left', rolname, round(extract(epoch FROM rolvaliduntil - now()) / 86400))
                ORDER BY rolvaliduntil) FILTER (WHERE ends AND rolvaliduntil < now() + interval '30 d') AS culprits
FROM (SELECT *, rolcanlogin AND rolvaliduntil IS NOT NULL AND isfinite(rolvaliduntil) AS ends FROM pg_roles) AS r;

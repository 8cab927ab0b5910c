-- A sample of media objects that should be in the bucket.
-- source: penhas_checks.media_sample()
-- scope: any; versions: 14 and later
SELECT json_agg(json_build_object('key', key, 'bytes', bytes)) AS objects FROM penhas_checks.media_sample(10, 10);

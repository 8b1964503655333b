"""SQL that derives the data model's rows from what headers said, that is from ``cta.dataset``.

The statements work on temporary tables ``new_<table>`` that hold the rows from metadata files already; those come
first, headers complete them. Everything is done for a whole collection at once. ``%(name)s`` is the collection,
``%(prefix)s`` the beginning of its access references. Texts that become keys are cut at 200 characters: headers may
hold anything.
"""

from __future__ import annotations

# Temporary tables of this module.
SCRATCH = (
    "header_run",
    "header_array",
    "header_tels",
    "header_tel",
    "known_set",
    "header_sub",
    "header_link",
    "header_soft",
)
_ORDER = "ORDER BY length({0}), {0}"
_CONFIGURATION = "nullif(concat_ws(', ', {0}.obs_mode, {0}.tracking_mode, {0}.pointing_mode, {1} || ' m'), '')"

HEADERS = f"""
CREATE TEMP TABLE header_run ON COMMIT DROP AS
SELECT left(obs_id, 200) AS obs_id, %(name)s || '/' || left(obs_id, 200) AS run_id,
  left(coalesce(min(facility_name), min(telescop), 'unknown'), 200) AS observatory,
  left(coalesce(min(instrument_name), min(instrume), min(facility_name), min(telescop), 'unknown'), 200) AS array_name,
  min(tellist) AS tellist, left(min(target_name), 200) AS target, min(ra_obj) AS ra_obj, min(dec_obj) AS dec_obj,
  min(target_class) AS target_class, left(min(proposal_id), 200) AS proposal,
  min(owner) AS owner, max(embargo) AS embargo,
  left(min(obs_mode), 60) AS obs_mode, left(min(tracking_mode), 60) AS tracking_mode,
  left(min(pointing_mode), 60) AS pointing_mode, nullif(min(conv_dep), 0) AS conv_dep,
  min(t_min) AS t_min, max(t_max) AS t_max, max(ontime) AS ontime, max(livetime) AS livetime,
  min(ra_pnt) AS ra_pnt, min(dec_pnt) AS dec_pnt, min(alt_pnt) AS alt_pnt, min(az_pnt) AS az_pnt,
  max(quality) AS quality, least(sum(ev_xel), 2147483647)::integer AS n_events, max(trgrate) AS trgrate,
  max(muoneff) AS muoneff, max(nsblevel) AS nsblevel
FROM cta.dataset WHERE starts_with(accref, %(prefix)s) AND dataproduct_type = 'event'
GROUP BY left(obs_id, 200);
ALTER TABLE header_run ADD COLUMN configuration text;
UPDATE header_run AS h SET configuration = {_CONFIGURATION.format("h", "conv_dep")};
ANALYZE header_run;

CREATE TEMP TABLE header_array ON COMMIT DROP AS
SELECT array_name, %(name)s || '/' || array_name AS site_array_id, min(observatory) AS observatory
FROM header_run GROUP BY array_name;

CREATE TEMP TABLE header_tels ON COMMIT DROP AS
SELECT array_name, tellist,
  (SELECT string_agg(tel, ',' {_ORDER.format("tel")}) FROM (
    SELECT DISTINCT tel
    FROM regexp_split_to_table(regexp_replace(tellist, '[]()[''"]', '', 'g'), '[,;[:space:]]+') AS tel
    WHERE length(tel) BETWEEN 1 AND 64) AS listed) AS tels
FROM header_run WHERE tellist IS NOT NULL GROUP BY array_name, tellist;

CREATE TEMP TABLE header_tel ON COMMIT DROP AS
SELECT DISTINCT array_name, %(name)s || '/' || array_name AS site_array_id, tels, tel
FROM header_tels, unnest(string_to_array(tels, ',')) AS tel;
"""

# Which telescopes do TELLISTs name that the metadata files do not have, in arrays whose telescopes they list?
UNKNOWN_TELESCOPES = """
SELECT h.array_name, string_agg(DISTINCT h.tel, ', ') FROM header_tel AS h
WHERE EXISTS (SELECT FROM new_telescope AS t WHERE t.site_array_id = h.site_array_id)
  AND NOT EXISTS (SELECT FROM new_telescope AS t WHERE t.site_array_id = h.site_array_id AND t.tel_id = h.tel)
GROUP BY h.array_name ORDER BY h.array_name
"""

ARRAYS = f"""
INSERT INTO new_observatory (observatory_id, collection, name)
SELECT DISTINCT %(name)s || '/' || observatory, %(name)s, observatory FROM header_array AS h
WHERE NOT EXISTS (SELECT FROM new_site_array AS s WHERE s.site_array_id = h.site_array_id)
ON CONFLICT DO NOTHING;

INSERT INTO new_site_array (site_array_id, collection, observatory_id, name)
SELECT site_array_id, %(name)s, %(name)s || '/' || observatory, array_name FROM header_array
ON CONFLICT DO NOTHING;

INSERT INTO new_telescope (telescope_id, collection, site_array_id, name, tel_id)
SELECT DISTINCT site_array_id || '/' || tel, %(name)s, site_array_id, tel, tel FROM header_tel AS h
WHERE NOT EXISTS (SELECT FROM new_telescope AS t WHERE t.site_array_id = h.site_array_id AND t.tel_id = h.tel)
ON CONFLICT DO NOTHING;

CREATE TEMP TABLE known_set ON COMMIT DROP AS
SELECT s.site_array_id, tels, min(sub_array_id) AS sub_array_id FROM (
  SELECT s.site_array_id, s.sub_array_id, string_agg(t.tel_id, ',' {_ORDER.format("t.tel_id")}) AS tels
  FROM new_sub_array AS s JOIN new_sub_array_telescope USING (sub_array_id) JOIN new_telescope AS t USING (telescope_id)
  GROUP BY s.site_array_id, s.sub_array_id) AS s
GROUP BY s.site_array_id, tels;

CREATE TEMP TABLE header_sub ON COMMIT DROP AS
SELECT h.*, coalesce(k.sub_array_id, h.site_array_id || '/' || h.sub_array) AS sub_array_id FROM (
  SELECT DISTINCT array_name, site_array_id, tels,
    CASE WHEN length(tels) <= 200 THEN tels ELSE 'telescopes ' || md5(tels) END AS sub_array
  FROM header_tel) AS h
LEFT JOIN known_set AS k ON k.site_array_id = h.site_array_id AND k.tels = h.tels;

INSERT INTO new_sub_array (sub_array_id, collection, site_array_id, name)
SELECT sub_array_id, %(name)s, site_array_id, sub_array FROM header_sub ON CONFLICT DO NOTHING;

INSERT INTO new_sub_array_telescope (sub_array_id, collection, telescope_id)
SELECT DISTINCT s.sub_array_id, %(name)s, t.telescope_id
FROM header_sub AS s JOIN header_tel AS h USING (site_array_id, tels)
JOIN new_telescope AS t ON t.site_array_id = h.site_array_id AND t.tel_id = h.tel
ON CONFLICT DO NOTHING;

UPDATE new_sub_array AS s SET n_tels = c.n_tels, tellist = c.tellist,
  n_lst = c.n_lst, n_mst = c.n_mst, n_sst = c.n_sst
FROM (SELECT sub_array_id, count(*) AS n_tels, string_agg(t.tel_id, ',' {_ORDER.format("t.tel_id")}) AS tellist,
    CASE WHEN every(telescope_class IS NOT NULL) THEN count(*) FILTER (WHERE telescope_class = 'LST') END AS n_lst,
    CASE WHEN every(telescope_class IS NOT NULL) THEN count(*) FILTER (WHERE telescope_class = 'MST') END AS n_mst,
    CASE WHEN every(telescope_class IS NOT NULL) THEN count(*) FILTER (WHERE telescope_class = 'SST') END AS n_sst
  FROM new_sub_array_telescope JOIN new_telescope AS t USING (telescope_id) GROUP BY sub_array_id) AS c
WHERE c.sub_array_id = s.sub_array_id;
"""

TARGETS = """
INSERT INTO new_target (target_id, collection, name, ra, dec, epoch, frame, target_class)
SELECT DISTINCT ON (target) %(name)s || '/' || target, %(name)s, target, ra_obj, dec_obj,
  CASE WHEN ra_obj IS NOT NULL THEN 2000 END, CASE WHEN ra_obj IS NOT NULL THEN 'ICRS' END, target_class
FROM header_run WHERE target IS NOT NULL ORDER BY target, ra_obj, dec_obj, obs_id
ON CONFLICT DO NOTHING;

INSERT INTO new_observing_proposal (observing_proposal_id, collection, identifier)
SELECT DISTINCT %(name)s || '/' || proposal, %(name)s, proposal FROM header_run WHERE proposal IS NOT NULL
ON CONFLICT DO NOTHING;
"""

CONFIGURATIONS = f"""
CREATE TEMP TABLE known_configuration ON COMMIT DROP AS
SELECT {_CONFIGURATION.format("o", "v.depth")} AS configuration, min(o.observing_configuration_id) AS configuration_id
FROM new_observing_configuration AS o LEFT JOIN new_convergence_configuration AS v USING (observing_configuration_id)
GROUP BY 1;

INSERT INTO known_configuration
SELECT DISTINCT configuration, %(name)s || '/' || configuration FROM header_run AS h
WHERE configuration IS NOT NULL
  AND NOT EXISTS (SELECT FROM known_configuration AS k WHERE k.configuration = h.configuration);

INSERT INTO new_observing_configuration
  (observing_configuration_id, collection, name, obs_mode, tracking_mode, pointing_mode)
SELECT DISTINCT ON (configuration) configuration_id, %(name)s, configuration, obs_mode, tracking_mode, pointing_mode
FROM header_run JOIN known_configuration USING (configuration)
ON CONFLICT DO NOTHING;

INSERT INTO new_convergence_configuration (observing_configuration_id, collection, depth)
SELECT DISTINCT configuration_id, %(name)s, conv_dep
FROM header_run JOIN known_configuration USING (configuration) WHERE conv_dep IS NOT NULL
ON CONFLICT DO NOTHING;
"""

RUNS = """
CREATE TEMP TABLE header_link ON COMMIT DROP AS
SELECT h.run_id, s.sub_array_id, k.configuration_id, coalesce(r.observation_id, h.run_id) AS observation_id
FROM header_run AS h
LEFT JOIN header_tels AS t ON t.array_name = h.array_name AND t.tellist = h.tellist
LEFT JOIN header_sub AS s ON s.array_name = t.array_name AND s.tels = t.tels
LEFT JOIN known_configuration AS k USING (configuration)
LEFT JOIN new_run AS r ON r.run_id = h.run_id;
ANALYZE header_link;

INSERT INTO new_observation (observation_id, collection, identifier, start_time, end_time, on_time, live_time, owner,
  ownership_end, confidential, observatory_id, target_id, configuration_id, observing_proposal_id)
SELECT h.run_id, %(name)s, h.obs_id, h.t_min, h.t_max, h.ontime, h.livetime, h.owner, h.embargo, 0, a.observatory_id,
  %(name)s || '/' || h.target, l.configuration_id, %(name)s || '/' || h.proposal
FROM header_run AS h JOIN header_link AS l USING (run_id)
JOIN new_site_array AS a ON a.site_array_id = %(name)s || '/' || h.array_name
WHERE l.observation_id = h.run_id
ON CONFLICT DO NOTHING;

INSERT INTO new_run
  (run_id, collection, identifier, start_time, end_time, on_time, live_time, observation_id, sub_array_id)
SELECT h.run_id, %(name)s, h.obs_id, h.t_min, h.t_max, h.ontime, h.livetime, l.observation_id, l.sub_array_id
FROM header_run AS h JOIN header_link AS l USING (run_id)
ON CONFLICT (run_id) DO UPDATE SET
  start_time = coalesce(EXCLUDED.start_time, new_run.start_time),
  end_time = coalesce(EXCLUDED.end_time, new_run.end_time),
  on_time = coalesce(EXCLUDED.on_time, new_run.on_time),
  live_time = coalesce(EXCLUDED.live_time, new_run.live_time),
  observation_id = EXCLUDED.observation_id,
  sub_array_id = coalesce(EXCLUDED.sub_array_id, new_run.sub_array_id);

INSERT INTO new_science_run (run_id, collection, ra_pnt, dec_pnt, alt_pnt, az_pnt, quality, n_events, trigger_rate,
  muon_efficiency, nsb_level, configuration_id)
SELECT h.run_id, %(name)s, h.ra_pnt, h.dec_pnt, h.alt_pnt, h.az_pnt, h.quality, h.n_events, h.trgrate, h.muoneff,
  h.nsblevel, l.configuration_id
FROM header_run AS h JOIN header_link AS l USING (run_id)
ON CONFLICT (run_id) DO UPDATE SET
  ra_pnt = coalesce(EXCLUDED.ra_pnt, new_science_run.ra_pnt),
  dec_pnt = coalesce(EXCLUDED.dec_pnt, new_science_run.dec_pnt),
  alt_pnt = coalesce(EXCLUDED.alt_pnt, new_science_run.alt_pnt),
  az_pnt = coalesce(EXCLUDED.az_pnt, new_science_run.az_pnt),
  quality = coalesce(EXCLUDED.quality, new_science_run.quality),
  n_events = coalesce(EXCLUDED.n_events, new_science_run.n_events),
  trigger_rate = coalesce(EXCLUDED.trigger_rate, new_science_run.trigger_rate),
  muon_efficiency = coalesce(EXCLUDED.muon_efficiency, new_science_run.muon_efficiency),
  nsb_level = coalesce(EXCLUDED.nsb_level, new_science_run.nsb_level),
  configuration_id = coalesce(EXCLUDED.configuration_id, new_science_run.configuration_id);
"""

OBSERVATIONS = """
ANALYZE new_run, new_observation;

INSERT INTO new_observation_sub_array (observation_id, collection, sub_array_id)
SELECT DISTINCT r.observation_id, %(name)s, r.sub_array_id
FROM new_run AS r JOIN new_observation AS o USING (observation_id)
WHERE r.sub_array_id IS NOT NULL AND o.confidential IS DISTINCT FROM 1
ON CONFLICT DO NOTHING;

UPDATE new_observation AS o SET
  start_time = coalesce(r.start_time, o.start_time), end_time = coalesce(r.end_time, o.end_time),
  on_time = coalesce(r.on_time, o.on_time), live_time = coalesce(r.live_time, o.live_time)
FROM (SELECT observation_id, min(start_time) AS start_time, max(end_time) AS end_time, sum(on_time) AS on_time,
    sum(live_time) AS live_time FROM new_run GROUP BY observation_id) AS r
WHERE r.observation_id = o.observation_id AND o.confidential IS DISTINCT FROM 1
  AND ROW(r.start_time, r.end_time, r.on_time, r.live_time) IS DISTINCT FROM
    ROW(o.start_time, o.end_time, o.on_time, o.live_time);

UPDATE new_observation AS o SET observatory_id = s.observatory_id
FROM (SELECT l.observation_id, min(a.observatory_id) AS observatory_id FROM new_observation_sub_array AS l
  JOIN new_sub_array USING (sub_array_id) JOIN new_site_array AS a USING (site_array_id) GROUP BY l.observation_id) AS s
WHERE s.observation_id = o.observation_id AND o.observatory_id IS NULL;

UPDATE new_observation SET observatory_id = (SELECT min(observatory_id) FROM new_observatory)
WHERE observatory_id IS NULL AND (SELECT count(*) FROM new_observatory) = 1;

UPDATE new_observation SET confidential = 0 WHERE confidential IS NULL;
"""

DATASETS = """
INSERT INTO new_dataset_run (obs_publisher_did, collection, run_id)
SELECT DISTINCT d.obs_publisher_did, %(name)s, r.run_id
FROM cta.dataset AS d JOIN new_run AS r ON r.run_id = %(name)s || '/' || left(d.obs_id, 200)
WHERE starts_with(d.accref, %(prefix)s) AND d.dataproduct_type IS NOT NULL
ON CONFLICT DO NOTHING;

CREATE TEMP TABLE header_soft ON COMMIT DROP AS
SELECT obs_publisher_did, dataproduct_type = 'event' AS is_event,
  left(creator, 60) AS method, left(ana_ver, 60) AS version, left(ev_class, 60) AS cuts,
  nullif(concat_ws(', ', left(creator, 60), left(ana_ver, 60), left(ev_class, 60)), '') AS software
FROM cta.dataset WHERE starts_with(accref, %(prefix)s) AND dataproduct_type IS NOT NULL;
"""

# Products belong to the runs of the datasets they were derived from, however many steps ago.
DERIVATIONS = """
INSERT INTO new_dataset_run (obs_publisher_did, collection, run_id)
WITH RECURSIVE steps AS (
  SELECT obs_publisher_did, progenitor_did FROM cta.derivation WHERE collection = %(name)s
  UNION
  SELECT s.obs_publisher_did, d.progenitor_did
  FROM steps AS s JOIN cta.derivation AS d ON d.obs_publisher_did = s.progenitor_did AND d.collection = %(name)s)
SELECT DISTINCT s.obs_publisher_did, %(name)s, r.run_id
FROM steps AS s JOIN new_dataset_run AS r ON r.obs_publisher_did = s.progenitor_did
ON CONFLICT DO NOTHING
"""
DERIVATIONS_STATE = """
SELECT md5(coalesce(string_agg(link, ' ' ORDER BY link), ''))
FROM (SELECT obs_publisher_did || ' ' || progenitor_did AS link, collection FROM cta.derivation) AS links
WHERE collection = %(name)s
"""

SOFTWARE = """
CREATE TEMP TABLE known_{table} ON COMMIT DROP AS
SELECT nullif(concat_ws(', ', method, version, cuts), '') AS software, min({table}_id) AS {table}_id
FROM new_{table} GROUP BY 1;
INSERT INTO known_{table} SELECT DISTINCT software, %(name)s || '/' || software FROM header_soft AS h
WHERE software IS NOT NULL AND {which}
  AND NOT EXISTS (SELECT FROM known_{table} AS k WHERE k.software = h.software);
INSERT INTO new_{table} ({table}_id, collection, name, method, version, cuts)
SELECT DISTINCT ON (software) {table}_id, %(name)s, software, method, version, cuts
FROM header_soft JOIN known_{table} USING (software) WHERE {which} ON CONFLICT DO NOTHING;
INSERT INTO new_dataset_{table} (obs_publisher_did, collection, {table}_id)
SELECT obs_publisher_did, %(name)s, {table}_id FROM header_soft JOIN known_{table} USING (software) WHERE {which}
ON CONFLICT DO NOTHING;
"""
STATEMENTS = (
    ARRAYS,
    TARGETS,
    CONFIGURATIONS,
    RUNS,
    OBSERVATIONS,
    DATASETS,
    SOFTWARE.format(table="reconstruction", which="is_event"),
    SOFTWARE.format(table="analysis", which="NOT is_event"),
)

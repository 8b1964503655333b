<?xml version="1.0" encoding="utf-8"?>
<!-- What makes this DaCHS site ours: the optional ObsCore columns it fills, and the TAP examples. -->
<resource schema="__system">

  <STREAM id="obscore-extracolumns">
    <doc>Optional ObsCore 1.1 columns that a gamma-ray archive can fill, and the time scale of t_min and t_max.</doc>
    <column name="obs_creation_date" type="timestamp"
      ucd="time;meta.dataset" utype="obscore:DataID.date"
      tablehead="Created" verbLevel="20"
      description="When the dataset was created, UTC"><property name="std">1</property></column>
    <column name="obs_creator_name" type="text"
      ucd="meta.id" utype="obscore:DataID.creator"
      tablehead="Creator" verbLevel="20"
      description="Who created the dataset"><property name="std">1</property></column>
    <column name="obs_release_date" type="timestamp"
      ucd="time.release" utype="obscore:Curation.releaseDate"
      tablehead="Released" verbLevel="15"
      description="When the dataset became, or will become, public"><property name="std">1</property></column>
    <column name="data_rights" type="text"
      ucd="meta.code" utype="obscore:Curation.rights"
      tablehead="Rights" verbLevel="10"
      description="Whether everybody may fetch the data: public or proprietary"><property name="std">1</property></column>
    <column name="publisher_id" type="text"
      ucd="meta.ref.ivoid" utype="obscore:Curation.publisherID"
      tablehead="Publisher" verbLevel="25"
      description="IVOA identifier of the publisher"><property name="std">1</property></column>
    <column name="bib_reference" type="text"
      ucd="meta.bib.bibcode" utype="obscore:Curation.reference"
      tablehead="Reference" verbLevel="20"
      description="Publication to cite"><property name="std">1</property></column>
    <column name="proposal_id" type="text"
      ucd="meta.id;obs.proposal" utype="obscore:Provenance.Proposal.identifier"
      tablehead="Proposal" verbLevel="15"
      description="Identifier of the observing proposal"><property name="std">1</property></column>
    <column name="s_resolution_min" type="double precision" unit="arcsec"
      ucd="pos.angResolution;stat.min" utype="obscore:Char.SpatialAxis.Resolution.Bounds.Limits.LoLimit"
      tablehead="Space res. min." verbLevel="20"
      description="Best angular resolution over the energy range (FWHM of the point spread function)"
      ><property name="std">1</property></column>
    <column name="s_resolution_max" type="double precision" unit="arcsec"
      ucd="pos.angResolution;stat.max" utype="obscore:Char.SpatialAxis.Resolution.Bounds.Limits.HiLimit"
      tablehead="Space res. max." verbLevel="20"
      description="Worst angular resolution over the energy range (FWHM of the point spread function)"
      ><property name="std">1</property></column>
    <column name="s_calib_status" type="text"
      ucd="meta.code.qual" utype="obscore:Char.SpatialAxis.calibrationStatus"
      tablehead="Space calib." verbLevel="25"
      description="Calibration of the positions"><property name="std">1</property></column>
    <column name="t_calib_status" type="text"
      ucd="meta.code.qual" utype="obscore:Char.TimeAxis.calibrationStatus"
      tablehead="Time calib." verbLevel="25"
      description="Calibration of the times"><property name="std">1</property></column>
    <column name="em_calib_status" type="text"
      ucd="meta.code.qual" utype="obscore:Char.SpectralAxis.calibrationStatus"
      tablehead="Energy calib." verbLevel="25"
      description="Calibration of the energies"><property name="std">1</property></column>
    <column name="em_unit" type="text"
      ucd="meta.unit" utype="obscore:Char.SpectralAxis.unit"
      tablehead="Energy unit" verbLevel="25"
      description="Unit of the spectral axis inside the dataset"><property name="std">1</property></column>
    <column name="o_unit" type="text"
      ucd="meta.unit" utype="obscore:Char.ObservableAxis.unit"
      tablehead="Observable unit" verbLevel="25"
      description="Unit of the observable inside the dataset"><property name="std">1</property></column>
    <column name="o_calib_status" type="text"
      ucd="meta.code.qual" utype="obscore:Char.ObservableAxis.calibrationStatus"
      tablehead="Observable calib." verbLevel="25"
      description="Calibration of the observable"><property name="std">1</property></column>
    <FEED source="rd/timesys#utc-mjd" column="t_min"/>
    <FEED source="rd/timesys#utc-mjd" column="t_max"/>
    <stc>Position ICRS "s_ra" "s_dec"</stc>
    <!-- What cta.dataset, the table behind the view, has indexes on besides those DaCHS counts on. -->
    <index columns="s_region" method="GIST" metaOnly="True"/>
    <index columns="obs_id" metaOnly="True"/>
    <index columns="obs_collection" metaOnly="True"/>
    <index columns="dataproduct_subtype" metaOnly="True"/>
    <index columns="target_name" metaOnly="True"/>
    <index columns="target_class" metaOnly="True"/>
    <index columns="t_min" metaOnly="True"/>
    <index columns="t_max" metaOnly="True"/>
    <index columns="t_exptime" metaOnly="True"/>
    <index columns="em_min" metaOnly="True"/>
    <index columns="em_max" metaOnly="True"/>
    <index columns="proposal_id" metaOnly="True"/>
    <meta name="rights">The terms of use of each collection hold for its data: see the table cta.collection, and the
    documentation links of each dataset.</meta>
    <!-- Instead of //obscore#dl: that one finds only services in the RD of the table, and answers one ID a call. -->
    <meta>
      !_associatedDatalinkService:
      _associatedDatalinkService.serviceId: cta/dl#links
      _associatedDatalinkService.idColumn: obs_publisher_did
    </meta>
  </STREAM>

  <STREAM id="obscore-extrapars">
    <doc>Mixin parameters for the columns of obscore-extracolumns.</doc>
    <mixinPar name="obs_creation_date" description="When the dataset was created">NULL</mixinPar>
    <mixinPar name="obs_creator_name" description="Who created the dataset">NULL</mixinPar>
    <mixinPar name="obs_release_date" description="When the dataset becomes public">NULL</mixinPar>
    <mixinPar name="data_rights" description="public, secure or proprietary">'public'</mixinPar>
    <mixinPar name="publisher_id" description="IVOID of the publisher"
      >'ivo://\getConfig{ivoa}{authority}'</mixinPar>
    <mixinPar name="bib_reference" description="Publication to cite">NULL</mixinPar>
    <mixinPar name="proposal_id" description="Observing proposal">NULL</mixinPar>
    <mixinPar name="s_resolution_min" description="Best angular resolution">NULL</mixinPar>
    <mixinPar name="s_resolution_max" description="Worst angular resolution">NULL</mixinPar>
    <mixinPar name="s_calib_status" description="Calibration of the positions">NULL</mixinPar>
    <mixinPar name="t_calib_status" description="Calibration of the times">NULL</mixinPar>
    <mixinPar name="em_calib_status" description="Calibration of the energies">NULL</mixinPar>
    <mixinPar name="em_unit" description="Unit of the spectral axis">NULL</mixinPar>
    <mixinPar name="o_unit" description="Unit of the observable">NULL</mixinPar>
    <mixinPar name="o_calib_status" description="Calibration of the observable">NULL</mixinPar>
  </STREAM>

  <STREAM id="obscore-extraevents">
    <doc>SQL for the columns of obscore-extracolumns.</doc>
    <property name="obscoreClause" cumulate="True">
      ,
      CAST(\\obs_creation_date AS timestamp) AS obs_creation_date,
      CAST(\\obs_creator_name AS text) AS obs_creator_name,
      CAST(\\obs_release_date AS timestamp) AS obs_release_date,
      CAST(\\data_rights AS text) AS data_rights,
      CAST(\\publisher_id AS text) AS publisher_id,
      CAST(\\bib_reference AS text) AS bib_reference,
      CAST(\\proposal_id AS text) AS proposal_id,
      CAST(\\s_resolution_min AS double precision) AS s_resolution_min,
      CAST(\\s_resolution_max AS double precision) AS s_resolution_max,
      CAST(\\s_calib_status AS text) AS s_calib_status,
      CAST(\\t_calib_status AS text) AS t_calib_status,
      CAST(\\em_calib_status AS text) AS em_calib_status,
      CAST(\\em_unit AS text) AS em_unit,
      CAST(\\o_unit AS text) AS o_unit,
      CAST(\\o_calib_status AS text) AS o_calib_status
    </property>
  </STREAM>

  <STREAM id="tapexamples">
    <doc>Examples for TAP; each uses an index (checked with EXPLAIN at 10^5 rows by the benchmarks).</doc>

    <meta name="_example" title="Event lists of a source, by position">
      All event lists whose field of view covers a position, here the Crab Nebula, from
      :taptable:`ivoa.obscore`:

      .. tapquery::

        SELECT * FROM ivoa.obscore
        WHERE 1=CONTAINS(POINT(83.633, 22.014), s_region)
          AND dataproduct_type='event'
    </meta>
    <meta name="_example" title="Observations that overlap a region">
      Everything whose footprint intersects a circle:

      .. tapquery::

        SELECT * FROM ivoa.obscore
        WHERE 1=INTERSECTS(s_region, CIRCLE('ICRS', 83.633, 22.514, 0.1))
    </meta>
    <meta name="_example" title="A target in a span of time">
      Times are MJD in UTC. An observation overlaps a span when it begins before its end and ends after its start; the
      third condition on t_min (no run is longer than a day) lets the database use its index well.

      .. tapquery::

        SELECT obs_id, target_name, t_min, t_max, t_exptime FROM ivoa.obscore
        WHERE target_name LIKE 'Crab%'
          AND t_min &lt; 53400 AND t_max &gt; 53300 AND t_min &gt; 53299
    </meta>
    <meta name="_example" title="Pointings within two degrees of a position">
      A cone search on the pointing directions:

      .. tapquery::

        SELECT obs_id, target_name, s_ra, s_dec, DISTANCE(POINT(s_ra, s_dec), POINT(329.717, -30.226)) AS offset_deg
        FROM ivoa.obscore
        WHERE DISTANCE(POINT(s_ra, s_dec), POINT(329.717, -30.226)) &lt; 2
    </meta>
    <meta name="_example" title="Data above 50 TeV">
      Energies in eV are in the high-energy extension, :taptable:`ivoa.obscore_hea`; both tables share only
      obs_publisher_did, hence the natural join:

      .. tapquery::

        SELECT obs_id, target_name, instrument_name, energy_max FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea
        WHERE energy_max &gt;= 5e13 AND em_min &lt; 2.5e-20
          AND 1=CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.633, 22.014, 5))
    </meta>
    <meta name="_example" title="Blazars">
      Classes of targets are SIMBAD object types: BLL (BL Lac), QSO, Bla, and so on.

      .. tapquery::

        SELECT target_name, target_class, COUNT(*) AS n_runs, SUM(t_exptime)/3600 AS hours
        FROM ivoa.obscore
        WHERE target_class IN ('BLL', 'Bla', 'QSO')
        GROUP BY target_name, target_class
    </meta>
    <meta name="_example" title="Public data of all blazars">
      .. tapquery::

        SELECT obs_publisher_did, obs_id, target_name, target_class, t_min, access_url FROM ivoa.obscore
        WHERE target_class IN ('BLL', 'Bla', 'QSO') AND data_rights='public' AND dataproduct_type='event'
    </meta>
    <meta name="_example" title="Data that include large-sized telescopes">
      :taptable:`cta.observation_summary` has what the data model knows of each dataset: telescopes, configuration, proposal.
      n_lst, n_mst and n_sst count the telescopes that took part:

      .. tapquery::

        SELECT s.obs_id, s.target_name, s.site_array, s.sub_array, s.n_lst, s.n_tels, o.access_url
        FROM cta.observation_summary AS s JOIN ivoa.obscore AS o ON o.obs_publisher_did=s.obs_publisher_did
        WHERE s.n_lst &gt; 0
    </meta>
    <meta name="_example" title="A target without divergent pointing">
      .. tapquery::

        SELECT obs_publisher_did, obs_id, pointing_mode, convergence_depth FROM cta.observation_summary
        WHERE target_name='Mrk 421' AND dataproduct_type='event' AND (pointing_mode IS NULL OR pointing_mode &lt;&gt; 'divergent')
    </meta>
    <meta name="_example" title="What a principal investigator has got">
      .. tapquery::

        SELECT p.identifier, p.title, COUNT(*) AS n_runs, SUM(r.live_time)/3600 AS hours
        FROM cta.observing_proposal AS p
        JOIN cta.observation AS o ON o.observing_proposal_id=p.observing_proposal_id
        JOIN cta.run AS r ON r.observation_id=o.observation_id
        WHERE p.pi_name='B. Muster'
        GROUP BY p.identifier, p.title
    </meta>
    <meta name="_example" title="Runs of a sub-array in a mode of observation">
      .. tapquery::

        SELECT obs_publisher_did, obs_id, observation, start_time, end_time, live_time FROM cta.observation_summary
        WHERE sub_array='S-Alpha' AND obs_mode='POINTING' AND tracking_mode='sidereal'
          AND start_time BETWEEN 60400 AND 60500
    </meta>
    <meta name="_example" title="Telescopes of a sub-array">
      The tables of the data model join by their keys, which /tap/tables lists:

      .. tapquery::

        SELECT t.name, t.telescope_class, t.mirror_area, c.name AS camera, c.n_pixels
        FROM cta.sub_array AS s
        JOIN cta.sub_array_telescope AS l ON l.sub_array_id=s.sub_array_id
        JOIN cta.telescope AS t ON t.telescope_id=l.telescope_id
        LEFT JOIN cta.camera AS c ON c.camera_id=t.camera_id
        WHERE s.name='N-LST'
    </meta>
    <meta name="_example" title="Planned and scheduled observations around a position">
      :taptable:`ivoa.obsplan` (ObsLocTAP) has the past and the future of the schedules:

      .. tapquery::

        SELECT obs_id, target_name, execution_status, t_min, t_max, t_plan_exptime, proposal_id FROM ivoa.obsplan
        WHERE execution_status IN ('Planned', 'Scheduled')
          AND 1=CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.633, 22.014, 5))
    </meta>
    <meta name="_example" title="What was published of a plan">
      .. tapquery::

        SELECT p.obs_id, p.execution_status, p.t_plan_exptime, p.t_exptime, s.obs_id AS run, s.obs_publisher_did
        FROM ivoa.obsplan AS p LEFT JOIN cta.observation_summary AS s ON s.observation_id=p.observation_id
        WHERE p.target_name='Mrk 421'
    </meta>
    <meta name="_example" title="All observations of a proposal">
      .. tapquery::

        SELECT proposal_id, obs_id, target_name, data_rights, obs_release_date FROM ivoa.obscore
        WHERE proposal_id='SIM-2024-KSP-002'
    </meta>
    <meta name="_example" title="Observations with divergent pointing">
      The observing configuration is in the extension: pointing_mode is parallel, convergent or divergent.

      .. tapquery::

        SELECT obs_id, target_name, pointing_mode, conv_dep, n_tels, tellist
        FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea
        WHERE pointing_mode='divergent'
    </meta>
    <meta name="_example" title="Everything gammapy needs to open the data">
      With the columns of this join, gammapy makes a DataStore from the rows
      (gammapy.data.make_data_store_from_query_result):

      .. tapquery::

        SELECT * FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea
        WHERE 1=CONTAINS(POINT(83.633, 22.014), s_region)
          AND dataproduct_subtype='event-bundle'
    </meta>
    <meta name="_example" title="Where the responses of an observation are">
      :taptable:`cta.hdu_index` lists the parts of each observation, in its own file or in shared ones:

      .. tapquery::

        SELECT h.obs_id, h.hdu_type, h.hdu_class, h.hdu_name, h.file_accref
        FROM cta.hdu_index AS h JOIN ivoa.obscore AS o ON h.obs_publisher_did=o.obs_publisher_did
        WHERE 1=CONTAINS(POINT(o.s_ra, o.s_dec), CIRCLE(83.633, 22.014, 2))
    </meta>
    <meta name="_example" title="Files of responses">
      Responses that come in files of their own have no product type, but a subtype: aeff, edisp, psf, bkgrate, or
      response-function for several.

      .. tapquery::

        SELECT obs_collection, obs_title, dataproduct_subtype, access_url FROM ivoa.obscore
        WHERE dataproduct_subtype IN ('aeff', 'edisp', 'psf', 'bkgrate', 'response-function')
    </meta>
    <meta name="_example" title="Long and sharp">
      Event lists with more than 20 minutes of exposure of a source's surroundings, best angular resolution first:

      .. tapquery::

        SELECT TOP 20 obs_id, target_name, t_exptime, s_resolution, em_res_power FROM ivoa.obscore
        WHERE t_exptime &gt; 1200 AND s_resolution &lt; 1000
          AND 1=CONTAINS(POINT(s_ra, s_dec), CIRCLE(228.5, -59.2, 3))
        ORDER BY s_resolution
    </meta>
    <meta name="_example" title="Flux points and counts spectra of a source">
      Products have subtypes; flux points and counts spectra also come as VOTables, by the links of their access_url:

      .. tapquery::

        SELECT obs_title, dataproduct_subtype, em_min, em_max, em_xel, o_ucd, o_unit, bib_reference, access_url
        FROM ivoa.obscore
        WHERE dataproduct_subtype IN ('flux-points', 'pha') AND target_name='Crab Nebula'
    </meta>
    <meta name="_example" title="Catalogued sources around a position">
      The sources of all catalogues, from :taptable:`cta.source`:

      .. tapquery::

        SELECT name, catalogue, ra, dec, extension, dnde, e_ref, spectral_index FROM cta.source
        WHERE DISTANCE(ra, dec, 83.633, 22.014) &lt; 1
    </meta>
    <meta name="_example" title="Photons above 10 TeV around the Crab">
      :taptable:`cta.event` has one row for each event of the public event lists; energies are in TeV:

      .. tapquery::

        SELECT obs_id, event_id, event_time, ra, dec, energy FROM cta.event
        WHERE 1=CONTAINS(POINT(ra, dec), CIRCLE(83.633, 22.014, 0.1))
          AND energy &gt; 10
    </meta>
    <meta name="_example" title="A light curve of events">
      Events within 0.1 degrees of a source, counted in 20 equal bins of time by the function ivo_histogram; its first
      and last number are what lies outside. Times are MJD in UTC.

      .. tapquery::

        SELECT IVO_HISTOGRAM(event_time, 60275.0, 60276.0, 20) AS counts FROM cta.event
        WHERE 1=CONTAINS(POINT(ra, dec), CIRCLE(83.633, 22.014, 0.1))
          AND event_time BETWEEN 60275.0 AND 60276.0
    </meta>
    <meta name="_example" title="Photons of the sources of your own catalogue">
      Upload a table with names and positions as ``mine`` and run this, counting events around each of its rows::

        SELECT t.name, COUNT(*) AS n, MAX(e.energy) AS highest_tev
        FROM TAP_UPLOAD.mine AS t JOIN cta.event AS e
          ON 1=CONTAINS(POINT(e.ra, e.dec), CIRCLE(t.ra, t.dec, 0.1))
        WHERE e.energy &gt; 1
        GROUP BY t.name

      Without an upload, the same for the targets of the observations themselves:

      .. tapquery::

        SELECT t.target_name, COUNT(*) AS n, MAX(e.energy) AS highest_tev
        FROM (SELECT DISTINCT target_name, ra_obj, dec_obj FROM cta.dataset
          WHERE target_class='SNR' AND ra_obj IS NOT NULL) AS t
        JOIN cta.event AS e ON 1=CONTAINS(POINT(e.ra, e.dec), CIRCLE(t.ra_obj, t.dec_obj, 0.1))
        WHERE e.energy &gt; 1
        GROUP BY t.target_name
    </meta>
    <meta name="_example" title="A map of photons">
      Photons above 1 TeV in HEALPix pixels of order 8; TOPCAT plots such tables as they are.

      .. tapquery::

        SELECT healpix/16 AS hpx8, COUNT(*) AS n FROM cta.event
        WHERE energy &gt; 1 AND 1=CONTAINS(POINT(ra, dec), CIRCLE(83.633, 22.014, 3))
        GROUP BY healpix/16
    </meta>
    <meta name="_example" title="Data of a source made with a given version of the pipeline">
      :taptable:`provenance.last_step` has one row for each dataset, the step that made it:

      .. tapquery::

        SELECT o.obs_id, o.target_name, s.activity_name, s.software_name, s.software_version, s.provenance_url
        FROM ivoa.obscore AS o JOIN provenance.last_step AS s ON s.obs_publisher_did=o.obs_publisher_did
        WHERE o.target_name LIKE 'Crab%' AND s.software_name='ctapipe' AND s.software_version='0.27.0'
    </meta>
    <meta name="_example" title="Data that come from a given reconstruction method">
      Parameters have the names of the pipelines' own configuration. An activity with such a value made an entity;
      :taptable:`provenance.progenitors` tells which data descend from that, in however many steps:

      .. tapquery::

        SELECT o.obs_id, o.target_name, a.name AS activity_name, p.param_value
        FROM provenance.parameter AS p
        JOIN provenance.was_configured_by AS c ON c.parameter_id=p.id
        JOIN provenance.activity AS a ON a.id=c.activity_id
        JOIN provenance.was_generated_by AS g ON g.activity_id=a.id
        JOIN provenance.progenitors AS r ON r.ancestor_id=g.entity_id
        JOIN ivoa.obscore AS o ON o.obs_publisher_did=r.entity_id
        WHERE p.name='ProcessorTool.ShowerProcessor.reconstructor_types' AND p.param_value LIKE '%ImPACTReconstructor%'
    </meta>
    <meta name="_example" title="Data made with loose cuts">
      .. tapquery::

        SELECT o.obs_id, o.target_name, p.param_value AS cuts
        FROM provenance.parameter AS p
        JOIN provenance.was_configured_by AS c ON c.parameter_id=p.id
        JOIN provenance.last_step AS s ON s.activity_id=c.activity_id
        JOIN ivoa.obscore AS o ON o.obs_publisher_did=s.obs_publisher_did
        WHERE p.name='DL3Tool.EventSelection.cuts' AND p.param_value='loose'
    </meta>
    <meta name="_example" title="All raw data behind a product">
      All ancestors are in :taptable:`provenance.progenitors`, so no recursion is needed; here those that were used as data
      of level 0:

      .. tapquery::

        SELECT DISTINCT p.ancestor_id, raw.name, p.depth
        FROM provenance.entity AS e
        JOIN provenance.progenitors AS p ON p.entity_id=e.id
        JOIN provenance.used AS u ON u.entity_id=p.ancestor_id
        JOIN provenance.entity AS raw ON raw.id=p.ancestor_id
        WHERE e.name='ctao_sim_100001.dl2.h5' AND u.role LIKE 'DL0%'
    </meta>
    <meta name="_example" title="Everything made from the raw data of a run">
      .. tapquery::

        SELECT d.id, d.name, d.obs_publisher_did, p.depth
        FROM provenance.entity AS e
        JOIN provenance.progenitors AS p ON p.ancestor_id=e.id
        JOIN provenance.entity AS d ON d.id=p.entity_id
        WHERE e.name='ctao_sim_100001.dl0.fits.fz'
        ORDER BY p.depth
    </meta>
    <meta name="_example" title="Who answers for the data of a source">
      .. tapquery::

        SELECT o.obs_id, o.target_name, a.name AS agent, a.type, t.role
        FROM ivoa.obscore AS o
        JOIN provenance.was_attributed_to AS t ON t.entity_id=o.obs_publisher_did
        JOIN provenance.agent AS a ON a.id=t.agent_id
        WHERE o.target_name LIKE 'Crab%' AND a.type IN ('Person', 'Organization')
    </meta>
    <meta name="_example" title="What was done between two dates">
      Times are UTC:

      .. tapquery::

        SELECT a.id, a.name, d.version, a.start_time, a.end_time, a.status
        FROM provenance.activity AS a JOIN provenance.activity_description AS d ON d.id=a.description_id
        WHERE a.start_time BETWEEN '2026-01-12T00:00:00' AND '2026-01-13T00:00:00'
    </meta>
    <meta name="_example" title="Which versions differ between two products">
      The software environment of an activity is a collection of packages, each with its version for its value; two
      spectra are compared in the same way:

      .. tapquery::

        SELECT x1.name AS package, x1.entity_value AS version_1, x2.entity_value AS version_2
        FROM provenance.entity AS e1
        JOIN provenance.was_generated_by AS g1 ON g1.entity_id=e1.id
        JOIN provenance.was_configured_by AS c1 ON c1.activity_id=g1.activity_id
        JOIN provenance.parameter AS p1 ON p1.id=c1.parameter_id
        JOIN provenance.had_member AS m1 ON m1.collection_id=p1.entity_id
        JOIN provenance.entity AS x1 ON x1.id=m1.entity_id
        JOIN provenance.entity AS x2 ON x2.name=x1.name
        JOIN provenance.had_member AS m2 ON m2.entity_id=x2.id
        JOIN provenance.parameter AS p2 ON p2.entity_id=m2.collection_id
        JOIN provenance.was_configured_by AS c2 ON c2.parameter_id=p2.id
        JOIN provenance.was_generated_by AS g2 ON g2.activity_id=c2.activity_id
        JOIN provenance.entity AS e2 ON e2.id=g2.entity_id
        WHERE e1.name='ctao_sim_100001.dl2.h5' AND e2.name='ctao_sim_100020.dl2.h5'
          AND x1.entity_value&lt;&gt;x2.entity_value
    </meta>
    <meta name="_example" title="What the collections are, and on which terms">
      .. tapquery::

        SELECT name, title, creator, terms, n_datasets, n_events FROM cta.collection
    </meta>
  </STREAM>
</resource>

<?xml version="1.0" encoding="utf-8"?>
<resource schema="cta" resdir="cta">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">CTA Data Model of the \getConfig{web}{siteName}</meta>
  <meta name="shortName">CTA data model</meta>
  <meta name="description">What is known of observations beyond their files: which array and which telescopes, in which
    configuration, for whose proposal, and what was planned. The tables are those of the data model of the Cherenkov
    Telescope Array, generated from its VO-DML file.</meta>
  <meta name="subject">gamma-ray-astronomy</meta>
  <meta name="subject">gamma-ray-telescopes</meta>
  <meta name="instrument">Cherenkov telescope arrays</meta>
  <meta name="facility">CTAO</meta>
  <meta name="coverage.waveband">Gamma-ray</meta>
  <meta name="contentLevel">Research</meta>
  <meta name="type">Archive</meta>

  <FEED source="rd/cta_model#tables"/>

  <!-- Not for users: what metadata files said, so that one that has become unreadable takes nothing away. -->
  <table id="model_source" onDisk="True" primary="collection,path" system="True">
    <meta name="description">Texts of observation metadata files as last read, and the state the tables were made from (an empty
      path). Not published: there may be confidential plans in it.</meta>
    <column name="collection" type="text" required="True" description="Collection"/>
    <column name="path" type="text" required="True" description="Path of the file in the collection"/>
    <column name="content" type="text" required="True" description="Its text"/>
  </table>

  <table id="instrumental_response" onDisk="True" adql="True">
    <meta name="title">Instrumental response</meta>
    <meta name="table-rank">140</meta>
    <meta name="utype">cta:InstrumentalResponse</meta>
    <meta name="description">The responses that go with each dataset; cta.hdu_index with the names of the data model.</meta>
    <index columns="obs_publisher_did" metaOnly="True"/>
    <column original="cta/q#hdu_index.obs_publisher_did"/>
    <column original="cta/q#hdu_index.hdu_type" name="response_type" utype="cta:InstrumentalResponse.response_type"/>
    <column original="cta/q#hdu_index.hdu_class" name="response_format" utype="cta:InstrumentalResponse.response_format"/>
    <column original="cta/q#hdu_index.hdu_name" utype="cta:InstrumentalResponse.hdu_name"/>
    <column original="cta/q#hdu_index.file_publisher_did" utype="cta:InstrumentalResponse.file_publisher_did"/>
    <viewStatement>
      CREATE VIEW \qName AS (SELECT \colNames FROM (
        SELECT obs_publisher_did, hdu_type AS response_type, hdu_class AS response_format, hdu_name, file_publisher_did
        FROM cta.hdu_index WHERE hdu_type IN ('aeff', 'edisp', 'psf', 'bkg', 'rad_max')) AS responses)
    </viewStatement>
  </table>

  <table id="observation_summary" onDisk="True" adql="True">
    <meta name="title">Datasets and how they were observed</meta>
    <meta name="table-rank">27</meta>
    <meta name="description">What the data model knows of each published dataset in one row a run: telescopes, configuration, target,
      proposal, plan. Join it to ivoa.obscore by obs_publisher_did. A product made from several runs has several rows, and a run
      several datasets: dataproduct_type='event' leaves the event lists.</meta>
    <meta name="_associatedDatalinkService">
      <meta name="serviceId">cta/dl#links</meta>
      <meta name="idColumn">obs_publisher_did</meta>
    </meta>
    <FEED source="rd/timesys#utc-mjd" column="start_time"/>
    <FEED source="rd/timesys#utc-mjd" column="end_time"/>
    <LOOP listItems="obs_publisher_did run_id observation_id target_name target_class proposal_id pi_name sub_array_id n_lst n_mst n_sst
        pointing_mode tracking_mode obs_mode obs_id start_time end_time execution_status">
      <events><index columns="\item" metaOnly="True"/></events>
    </LOOP>
    <column original="cta/q#dataset.obs_publisher_did"/>
    <column original="cta/q#dataset.dataproduct_type"/>
    <column original="cta/q#dataset.product_level"/>
    <column original="run.collection"/>
    <column original="run.identifier" name="obs_id"/>
    <column original="observation.identifier" name="observation" tablehead="Observation"
      description="Identifier of the scheduling block"/>
    <column original="observation.execution_status"/>
    <column original="target.name" name="target_name" tablehead="Target" description="Name of the target"/>
    <column original="target.target_class"/>
    <column original="target.ra" name="target_ra" ucd="pos.eq.ra;src" description="Right ascension of the target"/>
    <column original="target.dec" name="target_dec" ucd="pos.eq.dec;src" description="Declination of the target"/>
    <column original="observing_proposal.identifier" name="proposal_id" tablehead="Proposal"/>
    <column original="observing_proposal.title" name="proposal_title" tablehead="Proposal title" description="Title of the proposal"/>
    <column original="observing_proposal.pi_name"/>
    <column original="observing_proposal.category" name="proposal_category" tablehead="Proposal category"/>
    <column original="scientific_project.name" name="project" tablehead="Project" description="Scientific project of the proposal"/>
    <column original="observing_configuration.obs_mode"/>
    <column original="observing_configuration.pointing_mode"/>
    <column original="observing_configuration.tracking_mode"/>
    <column original="convergence_configuration.depth" name="convergence_depth" tablehead="Convergence depth"/>
    <column original="site_array.name" name="site_array" tablehead="Array" description="Name of the array"/>
    <column original="site_array.site"/>
    <column original="sub_array.name" name="sub_array" tablehead="Sub-array"
      description="Name of the group of telescopes that took part"/>
    <LOOP listItems="n_tels tellist n_lst n_mst n_sst">
      <events><column original="sub_array.\item"/></events>
    </LOOP>
    <LOOP listItems="start_time end_time on_time live_time">
      <events><column original="run.\item"/></events>
    </LOOP>
    <column original="science_run.quality"/>
    <column original="observation.owner"/>
    <column original="observation.ownership_end"/>
    <column original="run.run_id" ucd="meta.ref"/>
    <column original="observation.observation_id" ucd="meta.ref"/>
    <column original="sub_array.sub_array_id" ucd="meta.ref"/>
    <!-- PostgreSQL looks for the best order among the first eight tables (join_collapse_limit): those people select by. -->
    <viewStatement>
      CREATE VIEW \qName AS (SELECT \colNames FROM (
        SELECT l.obs_publisher_did, d.dataproduct_type, d.product_level, r.collection, r.identifier AS obs_id, o.identifier AS observation, o.execution_status,
          t.name AS target_name, t.target_class, t.ra AS target_ra, t.dec AS target_dec,
          p.identifier AS proposal_id, p.title AS proposal_title, p.pi_name, p.category AS proposal_category, j.name AS project,
          k.obs_mode, k.pointing_mode, k.tracking_mode, v.depth AS convergence_depth,
          a.name AS site_array, a.site, s.name AS sub_array, s.n_tels, s.tellist, s.n_lst, s.n_mst, s.n_sst,
          r.start_time, r.end_time, r.on_time, r.live_time, c.quality, o.owner, o.ownership_end,
          r.run_id, o.observation_id, s.sub_array_id
        FROM \schema.dataset_run AS l
        JOIN \schema.run AS r ON r.run_id=l.run_id
        LEFT JOIN \schema.sub_array AS s ON s.sub_array_id=r.sub_array_id
        LEFT JOIN \schema.observation AS o ON o.observation_id=r.observation_id
        LEFT JOIN \schema.target AS t ON t.target_id=o.target_id
        LEFT JOIN \schema.observing_proposal AS p ON p.observing_proposal_id=o.observing_proposal_id
        LEFT JOIN \schema.science_run AS c ON c.run_id=r.run_id
        LEFT JOIN \schema.observing_configuration AS k ON k.observing_configuration_id=coalesce(c.configuration_id, o.configuration_id)
        LEFT JOIN \schema.site_array AS a ON a.site_array_id=s.site_array_id
        LEFT JOIN \schema.scientific_project AS j ON j.scientific_project_id=p.scientific_project_id
        LEFT JOIN \schema.convergence_configuration AS v ON v.observing_configuration_id=k.observing_configuration_id
        LEFT JOIN \schema.dataset AS d ON d.obs_publisher_did=l.obs_publisher_did) AS joined)
    </viewStatement>
  </table>

  <coverage fallbackTo="__system__/obscore"/>

  <data id="import" recreateAfter="views">
    <sources item="metadata files and headers"/>
    <customGrammar module="res/model_grammar"/>
    <FEED source="rd/cta_model#makes"/>
    <make table="model_source"/>
  </data>

  <data id="views" auto="False">
    <make table="instrumental_response"/>
    <make table="observation_summary"/>
  </data>

  <regSuite title="cta/model">
    <regTest title="Every run of an event list has its row in the summary">
      <url parSet="TAP" QUERY="SELECT COUNT(*) AS n FROM cta.obs_index WHERE obs_publisher_did NOT IN (SELECT obs_publisher_did FROM cta.observation_summary)">/tap/sync</url>
      <code>self.assertEqual(self.getFirstVOTableRow()["n"], 0)</code>
    </regTest>
    <regTest title="The texts of metadata files are not to be had">
      <url parSet="TAP" QUERY="SELECT * FROM cta.model_source">/tap/sync</url>
      <code>self.assertHasStrings("ERROR", "model_source")</code>
    </regTest>
  </regSuite>
</resource>

<?xml version="1.0" encoding="utf-8"?>
<!-- Analysis jobs behind UWS 1.1. Users and the runner write the rows (analysis/uws/store.py); no import ever drops any.
     readProfiles are those of the schema, which other RDs have opened to TAP: without them an import would close it. -->
<resource schema="cta" resdir="cta" readProfiles="trustedquery,untrustedquery">
  <meta name="creationDate">2026-11-20T12:00:00Z</meta>
  <meta name="title">Analysis Jobs of the \getConfig{web}{siteName}</meta>
  <meta name="shortName">CTA jobs</meta>
  <meta name="description">Analyses of gamma-ray data that run here: maps, spectra, light curves and packages of the runs you choose.</meta>
  <meta name="subject">gamma-ray-astronomy</meta>
  <meta name="subject">gamma-ray-telescopes</meta>
  <meta name="coverage.waveband">Gamma-ray</meta>
  <meta name="contentLevel">Research</meta>
  <meta name="type">Archive</meta>
  <meta name="schema-rank">30</meta>
  <meta name="rights">The terms of use of each collection hold for its data: see the table cta.collection, and the
    documentation links of each dataset.</meta>

  <table id="job" onDisk="True" adql="False" primary="job_id" forceUnique="False">
    <meta name="title">Jobs</meta>
    <meta name="description">Jobs of users, one row each, in the terms of UWS 1.1. Times are UTC.</meta>
    <index columns="owner,creation_time"/>
    <index columns="phase"/>
    <index columns="queue_number"/>
    <index columns="destruction"/>
    <column name="job_id" type="text" required="True" ucd="meta.id;meta.main" description="Identifier of the job, a secret when it has no owner"/>
    <column name="job_type" type="text" required="True" ucd="meta.code.class" description="Name of the job type"/>
    <column name="owner" type="text" ucd="meta.id" description="Account of its user; none for anonymous jobs"/>
    <column name="phase" type="text" required="True" ucd="meta.code.status" description="Phase of UWS 1.1"/>
    <column name="creation_time" type="timestamp" required="True" ucd="time.creation" description="When it was created"/>
    <column name="execution_duration" type="integer" required="True" unit="s" ucd="time.duration" description="How long it may run; 0 is no limit"/>
    <column name="destruction" type="timestamp" ucd="time.end" description="When its results are removed"/>
    <column name="activity" type="text" required="True" ucd="meta.id" description="Identifier of its activity in the provenance"/>
    <column name="run_id" type="text" ucd="meta.id" description="Name its user gave it (RUNID)"/>
    <column name="start_time" type="timestamp" ucd="time.start" description="When it began to run"/>
    <column name="end_time" type="timestamp" ucd="time.end" description="When it ended"/>
    <column name="quote" type="timestamp" ucd="time" description="When it is likely to be done"/>
    <column name="queue_number" type="bigint" ucd="meta.number" description="Place in the order of submission">
      <values nullLiteral="-1"/></column>
    <column name="parameters" type="text" required="True" ucd="meta.note" description="Parameters as its user gave them (JSON)"/>
    <column name="results" type="text" required="True" ucd="meta.note" description="Results (JSON)"/>
    <column name="datasets" type="text" required="True" ucd="meta.note" description="Publisher DIDs of the datasets it reads (JSON)"/>
    <column name="error_type" type="text" ucd="meta.code.error" description="transient or fatal"/>
    <column name="error_message" type="text" ucd="meta.note" description="Why it failed"/>
    <column name="message" type="text" ucd="meta.note" description="Why it waits or was ended"/>
    <column name="executor" type="text" ucd="meta.code" description="Where it runs: local or slurm"/>
    <column name="handle" type="text" ucd="meta.id" description="What the executor knows it by"/>
    <column name="attempts" type="integer" required="True" ucd="meta.number" description="How often it was started"/>
    <column name="stop_requested" type="boolean" required="True" ucd="meta.code" description="Whether its user wants it ended"/>
    <column name="record" type="text" required="True" ucd="meta.note" description="What else the service remembers of it (JSON)"/>
  </table>

  <data id="import" updating="True">
    <sources item="the tables themselves"/>
    <nullGrammar/>
    <make table="job">
      <script name="add missing columns" type="newSource" lang="python">
        from ingest.dachs import add_missing_columns
        add_missing_columns(table)
      </script>
    </make>
  </data>

  <service id="uws" allowed="custom" customPage="res/jobs_page">
    <meta name="title">\getConfig{web}{siteName}: Analysis Jobs</meta>
    <meta name="shortName">CTA jobs</meta>
    <meta name="description">Maps, spectra, light curves and packages of the runs you choose, made here by gammapy. The service of each
      job type is a UWS 1.1; \getConfig{web}{serverURL}/jobs lists them.</meta>
    <publish render="custom" sets="local,ivo_managed"/>
    <nullCore/>
  </service>

  <regSuite title="cta/jobs">
    <regTest title="The list of job types is there">
      <url>uws/custom</url>
      <code>self.assertHasStrings("gammapy_maps", "gammapy_spectra")</code>
    </regTest>
    <regTest title="An unknown job is not there">
      <url>uws/custom/gammapy_maps/0123456789abcdef0123456789abcdef</url>
      <code>self.assertHTTPStatus(404)</code>
    </regTest>
  </regSuite>
</resource>

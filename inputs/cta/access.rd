<?xml version="1.0" encoding="utf-8"?>
<resource schema="cta" resdir="cta">
  <meta name="creationDate">2026-11-20T09:00:00Z</meta>
  <meta name="title">Gamma-Ray Spectra and Source Catalogues of the \getConfig{web}{siteName}</meta>
  <meta name="shortName">CTA spectra</meta>
  <meta name="description">Flux points and counts spectra of gamma-ray sources, and the sources of gamma-ray catalogues.</meta>
  <meta name="subject">gamma-ray-astronomy</meta>
  <meta name="subject">gamma-ray-sources</meta>
  <meta name="instrument">Cherenkov telescope arrays</meta>
  <meta name="facility">CTAO</meta>
  <meta name="coverage.waveband">Gamma-ray</meta>
  <meta name="contentLevel">Research</meta>
  <meta name="type">Archive</meta>

  <table id="spectral_dataset" onDisk="True" adql="False">
    <meta name="description">Flux points and counts spectra, one row for each format they are delivered in: as VOTable in the
      terms of the Spectral Data Model, made on request, and the files as they are.</meta>
    <LOOP listItems="accref owner embargo mime accsize obs_publisher_did obs_creator_did obs_collection obs_title
        obs_creator_name obs_creation_date bib_reference target_class instrument_name s_fov em_min em_max em_xel o_ucd o_unit">
      <events><column original="cta/q#dataset.\item"/></events>
    </LOOP>
    <column name="target" type="text" description="Name of the target, empty where it is not known"/>
    <column name="model" type="text" description="Data model of the file"/>
    <column name="flux_calib" type="text" description="Calibration of the fluxes"/>
    <column name="data_source" type="text" description="Where the data come from, in SSAP's words"/>
    <column name="location" type="spoint" description="Position"/>
    <column name="t_mid" type="double precision" unit="d" description="Middle of the observation, MJD UTC"/>
    <column name="t_ext" type="double precision" unit="s" description="From start to end of the observation"/>
    <viewStatement>
      CREATE VIEW \qName AS (SELECT \colNames FROM (
        SELECT
          CASE WHEN f.is_votable THEN '\getConfig{web}{serverURL}/cta/dl/table/dlget?ID=' || gavo_urlescape(obs_publisher_did)
            ELSE accref END AS accref,
          owner, embargo,
          CASE WHEN f.is_votable THEN 'application/x-votable+xml' ELSE mime END AS mime,
          CASE WHEN f.is_votable THEN NULL ELSE accsize END AS accsize,
          CASE WHEN f.is_votable THEN 'Spectrum-1.2' WHEN dataproduct_subtype='pha' THEN 'OGIP-PHA' ELSE 'GADF-SED' END AS model,
          CASE dataproduct_subtype WHEN 'pha' THEN 'UNCALIBRATED' ELSE 'ABSOLUTE' END AS flux_calib,
          CASE simulated WHEN 1 THEN 'artificial' ELSE 'pointed' END AS data_source,
          spoint(radians(s_ra), radians(s_dec)) AS location,
          (t_min+t_max)/2 AS t_mid, (t_max-t_min)*86400 AS t_ext,
          coalesce(target_name, '') AS target,
          obs_publisher_did, obs_creator_did, obs_collection, obs_title, obs_creator_name, obs_creation_date, bib_reference,
          target_class, instrument_name, s_fov, em_min, em_max, em_xel, o_ucd, o_unit
        FROM cta.dataset CROSS JOIN (VALUES (True), (False)) AS f(is_votable)
        WHERE dataproduct_subtype IN ('flux-points', 'pha')) AS formats)
    </viewStatement>
  </table>

  <table id="spectrum" onDisk="True" adql="hidden">
    <meta name="title">Spectra (SSAP)</meta>
    <meta name="table-rank">37</meta>
    <meta name="description">Flux points and counts spectra of gamma-ray sources with the columns of the Simple Spectral Access
      Protocol; spectral coordinates are wavelengths, although the data are in TeV.</meta>
    <mixin
      sourcetable="spectral_dataset"
      timescale="UTC" refposition="TOPOCENTER"
      ssa_spectralunit="'TeV'" ssa_spectralucd="'em.energy'"
      ssa_fluxunit="o_unit" ssa_fluxucd="o_ucd" ssa_fluxcalib="flux_calib"
      ssa_specstart="em_min" ssa_specend="em_max" ssa_specmid="(em_min+em_max)/2" ssa_specext="em_max-em_min"
      ssa_length="em_xel"
      ssa_location="location" ssa_aperture="s_fov"
      ssa_dateObs="t_mid" ssa_timeExt="t_ext"
      ssa_bandpass="'Gamma-ray'"
      ssa_collection="obs_collection" ssa_instrument="instrument_name"
      ssa_datasource="data_source" ssa_creationtype="'spectralExtraction'"
      ssa_dstitle="obs_title" ssa_dstype="'spectrum'" ssa_model="model"
      ssa_targname="target" ssa_targclass="target_class"
      ssa_creator="obs_creator_name" ssa_cdate="obs_creation_date" ssa_reference="bib_reference"
      ssa_creatorDID="obs_creator_did" ssa_pubDID="obs_publisher_did"
      >//ssap#view</mixin>
  </table>

  <data id="import">
    <make table="spectral_dataset"/>
    <make table="spectrum"/>
  </data>

  <service id="ssa" allowed="ssap.xml,form">
    <meta name="title">\getConfig{web}{siteName}: Spectra</meta>
    <meta name="shortName">CTA SSAP</meta>
    <meta name="description">Flux points and counts spectra of gamma-ray sources (SSAP 1.1). Flux points come as VOTables in the terms of
      the Spectral Data Model, and as the files they are kept in.</meta>
    <meta name="ssap.dataSource">pointed</meta>
    <meta name="ssap.creationType">spectralExtraction</meta>
    <meta name="ssap.testQuery">MAXREC=1</meta>
    <publish render="ssap.xml" sets="ivo_managed"/>
    <publish render="form" sets="local,ivo_managed"/>
    <ssapCore queriedTable="spectrum">
      <FEED source="//ssap#hcd_condDescs"/>
    </ssapCore>
  </service>

  <service id="sources" allowed="scs.xml,form">
    <meta name="title">\getConfig{web}{siteName}: Sources of Gamma-Ray Catalogues</meta>
    <meta name="shortName">CTA sources</meta>
    <meta name="description">Finds the sources of all gamma-ray catalogues in the archive, by position or by name.</meta>
    <meta>
      testQuery.ra: 83.63
      testQuery.dec: 22.01
      testQuery.sr: 1
    </meta>
    <publish render="scs.xml" sets="ivo_managed"/>
    <publish render="form" sets="local,ivo_managed"/>
    <dbCore queriedTable="cta/q#source">
      <FEED source="//scs#coreDescs"/>
      <condDesc buildFrom="name"/>
      <condDesc buildFrom="catalogue"/>
    </dbCore>
  </service>

  <regSuite title="cta/access">
    <regTest title="SSAP describes itself">
      <url REQUEST="queryData" FORMAT="METADATA">ssa/ssap.xml</url>
      <code>self.assertHasStrings("INPUT:POS", "ssa:Char.FluxAxis.Ucd")</code>
    </regTest>
    <regTest title="The cone search on sources answers">
      <url RA="83.63" DEC="22.01" SR="1" MAXREC="1">sources/scs.xml</url>
      <code>self.assertHasStrings('ucd="POS_EQ_RA_MAIN"', 'ucd="ID_MAIN"')</code>
    </regTest>
  </regSuite>
</resource>

<?xml version="1.0" encoding="utf-8"?>
<resource schema="cta" resdir="cta">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">Gamma-Ray Observations of the \getConfig{web}{siteName}</meta>
  <meta name="shortName">CTA datasets</meta>
  <meta name="description">Event lists and instrument responses of Cherenkov telescopes, one row for each published file: what was
    observed, where, when and at which energies, with which configuration and response.</meta>
  <meta name="subject">gamma-ray-astronomy</meta>
  <meta name="subject">gamma-ray-telescopes</meta>
  <meta name="instrument">Cherenkov telescope arrays</meta>
  <meta name="facility">CTAO</meta>
  <meta name="coverage.waveband">Gamma-ray</meta>
  <meta name="contentLevel">Research</meta>
  <meta name="type">Archive</meta>
  <meta name="rights">The terms of use of each collection hold for its data: see the table cta.collection, and the
    documentation links of each dataset.</meta>

  <STREAM id="dl3-columns">
    <doc>Header values of DL3 files beyond those of rd/obscore_hea#gadf-columns.</doc>
    <column name="mjdrefi" type="integer" unit="d" ucd="time.epoch"
      tablehead="MJDREFI" verbLevel="25"
      description="Integer part of the reference epoch of tstart and tstop, MJD in the scale timesys">
      <values nullLiteral="-1"/></column>
    <column name="mjdreff" type="double precision" unit="d" ucd="time.epoch"
      tablehead="MJDREFF" verbLevel="25"
      description="Fractional part of the reference epoch of tstart and tstop"/>
    <column name="timesys" type="text" ucd="time.scale"
      tablehead="Time scale" verbLevel="25"
      description="Time scale of tstart, tstop and their reference epoch (TIMESYS)"/>
    <column name="tstart_tt" type="double precision" unit="d" ucd="time.start;obs.exposure"
      tablehead="Start (TT)" verbLevel="15"
      description="Start of the first good time interval, MJD TT"/>
    <column name="tstop_tt" type="double precision" unit="d" ucd="time.end;obs.exposure"
      tablehead="End (TT)" verbLevel="15"
      description="End of the last good time interval, MJD TT"/>
    <column name="ngti" type="integer" ucd="meta.number;time.interval"
      tablehead="GTIs" verbLevel="20"
      description="Number of good time intervals">
      <values nullLiteral="-1"/></column>
    <column name="telescop" type="text" ucd="meta.id;instr.tel"
      tablehead="TELESCOP" verbLevel="25"
      description="Telescope as in the file's header (TELESCOP)"/>
    <column name="instrume" type="text" ucd="meta.id;instr"
      tablehead="INSTRUME" verbLevel="25"
      description="Instrument as in the file's header (INSTRUME)"/>
    <column name="nsblevel" type="double precision" ucd="instr.background"
      tablehead="NSB" verbLevel="25"
      description="Night sky background level (NSBLEVEL)"/>
    <column name="trgrate" type="double precision" unit="Hz" ucd="arith.rate;instr.det"
      tablehead="Trigger rate" verbLevel="25"
      description="Mean trigger rate (TRGRATE)"/>
    <column name="creator" type="text" ucd="meta.id;meta.software"
      tablehead="Creator" verbLevel="20"
      description="Software that wrote the file (CREATOR)"/>
    <column name="dst_ver" type="text" ucd="meta.version"
      tablehead="DST version" verbLevel="25"
      description="Version of the DST production (DST_VER)"/>
    <column name="ana_ver" type="text" ucd="meta.version"
      tablehead="Analysis version" verbLevel="25"
      description="Version of the reconstruction software (ANA_VER)"/>
    <column name="cal_ver" type="text" ucd="meta.version"
      tablehead="Calibration version" verbLevel="25"
      description="Version of the calibration software (CAL_VER)"/>
    <column name="ev_class" type="text" ucd="meta.code.class"
      tablehead="Event class" verbLevel="20"
      description="Event class, that is the cuts used (EV_CLASS)"/>
    <column name="harvest_note" type="text" ucd="meta.note"
      tablehead="Harvest" verbLevel="30"
      description="Which of several possible sources some values were taken from"/>
  </STREAM>

  <table id="dataset" onDisk="True" adql="True" primary="accref" forceUnique="False">
    <meta name="title">Published files</meta>
    <meta name="table-rank">20</meta>
    <meta name="description">One row for each published file: event lists with everything known of their observation, and
      files of instrument responses. ivoa.obscore, ivoa.obscore_hea and cta.obs_index show parts of this table.</meta>
    <meta name="_associatedDatalinkService">
      <meta name="serviceId">cta/dl#links</meta>
      <meta name="idColumn">obs_publisher_did</meta>
    </meta>
    <FEED source="rd/timesys#utc-mjd" column="t_min"/>
    <FEED source="rd/timesys#utc-mjd" column="t_max"/>
    <FEED source="rd/timesys#tt-mjd" column="tstart_tt"/>
    <FEED source="rd/timesys#tt-mjd" column="tstop_tt"/>
    <stc>Polygon ICRS [s_region]</stc>
    <stc>Position ICRS "s_ra" "s_dec"</stc>

    <mixin>//products#table</mixin>
    <mixin
      dataproduct_type="dataproduct_type"
      dataproduct_subtype="dataproduct_subtype"
      calib_level="calib_level"
      obs_collection="obs_collection"
      obs_id="obs_id"
      obs_title="obs_title"
      obs_publisher_did="obs_publisher_did"
      obs_creator_did="obs_creator_did"
      access_url="'\getConfig{web}{serverURL}/cta/dl/links/dlmeta?ID=' || gavo_urlescape(obs_publisher_did)"
      access_format="'application/x-votable+xml;content=datalink'"
      access_estsize="(accsize+999)/1000"
      target_name="target_name"
      target_class="target_class"
      s_ra="s_ra" s_dec="s_dec" s_fov="s_fov" s_region="s_region" s_resolution="s_resolution"
      t_min="t_min" t_max="t_max" t_exptime="t_exptime" t_resolution="t_resolution"
      em_min="em_min" em_max="em_max" em_res_power="em_res_power"
      em_ucd="'em.energy'"
      facility_name="facility_name"
      instrument_name="instrument_name"
      s_xel1="s_xel1" s_xel2="s_xel2" t_xel="t_xel" em_xel="em_xel" pol_xel="0"
      s_pixel_scale="s_pixel_scale" o_ucd="o_ucd" o_unit="o_unit" o_calib_status="o_calib_status"
      preview="CASE WHEN dataproduct_type IS NOT NULL THEN '\getConfig{web}{serverURL}/cta/dl/preview/dlget?KIND='
        || CASE WHEN dataproduct_type IN ('sed', 'spectrum', 'timeseries') THEN 'plot' ELSE 'sky' END || '&amp;ID='
        || gavo_urlescape(obs_publisher_did) END"
      obs_creation_date="obs_creation_date"
      obs_creator_name="obs_creator_name"
      obs_release_date="obs_release_date"
      data_rights="CASE WHEN owner IS NOT NULL AND embargo &gt; CURRENT_DATE THEN 'proprietary' ELSE 'public' END"
      bib_reference="bib_reference"
      proposal_id="proposal_id"
      s_resolution_min="s_resolution_min"
      s_resolution_max="s_resolution_max"
      s_calib_status="CASE WHEN calib_level&gt;1 THEN 'calibrated' END"
      t_calib_status="CASE WHEN calib_level&gt;1 THEN 'calibrated' END"
      em_calib_status="CASE WHEN calib_level&gt;1 THEN 'calibrated' END"
      em_unit="'TeV'"
      >//obscore#publish</mixin>
    <mixin
      obs_publisher_did="obs_publisher_did"
      ev_xel="ev_xel"
      s_ref_energy="s_ref_energy" em_ref_energy="em_ref_energy" s_ref_oaa="s_ref_oaa" em_ref_oaa="em_ref_oaa"
      t_intervals="t_intervals" energy_min="energy_min" energy_max="energy_max"
      obs_mode="obs_mode" tracking_mode="tracking_mode" scan_mode="scan_mode" pointing_mode="pointing_mode"
      analysis_mode="analysis_mode" event_type="event_type"
      messenger_name="messenger_name" messenger_pdgid="messenger_pdgid"
      tracking_type="tracking_mode"
      ra_pnt="ra_pnt" dec_pnt="dec_pnt" alt_pnt="alt_pnt" az_pnt="az_pnt" zen_pnt="zen_pnt"
      glon_pnt="glon_pnt" glat_pnt="glat_pnt" tstart="tstart" tstop="tstop"
      ontime="ontime" livetime="livetime" deadc="deadc"
      date_obs="date_obs" time_obs="time_obs" date_end="date_end" time_end="time_end"
      object="object" ra_obj="ra_obj" dec_obj="dec_obj" offset_obj="offset_obj"
      n_tels="n_tels" tellist="tellist" quality="quality" muoneff="muoneff" conv_dep="conv_dep"
      >rd/obscore_hea#publish</mixin>

    <!-- Cones on ivoa.obscore become q3c_join; only this form of the index serves them. -->
    <index name="q3c_dataset" kind="q3c"><columns>s_ra,s_dec</columns>q3c_ang2ipix(s_ra,s_dec)</index>
    <index name="region_dataset" columns="s_region" method="GIST"/>
    <index columns="obs_publisher_did"/>
    <index columns="obs_id"/>
    <index columns="obs_collection"/>
    <index columns="t_min"/>
    <index columns="t_max"/>
    <index columns="em_min"/>
    <index columns="em_max"/>
    <index columns="energy_min"/>
    <index columns="energy_max"/>
    <index columns="proposal_id"/>
    <index columns="target_class"/>
    <index columns="pointing_mode"/>
    <index columns="t_exptime"/>
    <index columns="ev_xel"/>
    <index columns="dataproduct_subtype"/>
    <index name="target_pattern_dataset" columns="target_name">target_name text_pattern_ops</index>
    <index name="target_lower_dataset" columns="target_name">lower(target_name) text_pattern_ops</index>
    <index name="target_trigram_dataset" columns="target_name" method="GIN">target_name gin_trgm_ops</index>

    <column original="//obscore#ObsCore.obs_publisher_did" ucd="meta.id;meta.main"/>
    <LOOP listItems="dataproduct_type dataproduct_subtype calib_level obs_collection obs_id obs_title
        o_ucd o_unit o_calib_status obs_creator_did obs_creation_date obs_creator_name obs_release_date bib_reference proposal_id
        target_name target_class facility_name instrument_name
        s_region s_resolution_min s_resolution_max t_resolution">
      <events><column original="//obscore#ObsCore.\item"/></events>
    </LOOP>
    <LOOP>
      <csvItems>
        name,word,ucd
        min,Start,start
        max,End,end
      </csvItems>
      <events>
        <!-- not copied from ObsCore, because DaCHS gives those an xtype it does not put into TAP_SCHEMA -->
        <column name="t_\name" type="double precision" unit="d" ucd="time.\ucd;obs.exposure"
          tablehead="\word (UTC)" verbLevel="10" displayHint="sf=5"
          description="\word of the observation, MJD UTC"/>
      </events>
    </LOOP>
    <column original="//obscore#ObsCore.s_ra" ucd="pos.eq.ra;meta.main" displayHint="sf=4"/>
    <column original="//obscore#ObsCore.s_dec" ucd="pos.eq.dec;meta.main" displayHint="sf=4"/>
    <!-- These have the types that the view casts to, so that their indexes can be used through it. -->
    <column original="//obscore#ObsCore.s_fov" type="real"/>
    <column original="//obscore#ObsCore.s_resolution" type="real"/>
    <column original="//obscore#ObsCore.em_min" type="real"/>
    <column original="//obscore#ObsCore.em_max" type="real"/>
    <column original="//obscore#ObsCore.em_res_power" type="real"/>
    <column original="//obscore#ObsCore.t_exptime" type="double precision" displayHint="sf=1"/>
    <column original="//obscore#ObsCore.s_pixel_scale" type="real"/>
    <LOOP listItems="s_xel1 s_xel2 t_xel em_xel">
      <events><column original="//obscore#ObsCore.\item"/></events>
    </LOOP>
    <column name="product_level" type="text" ucd="meta.code;obs.calib"
      tablehead="Level" verbLevel="10"
      description="Level of the data as the observatory counts: DL0 (raw) to DL3 (event lists), DL4 (maps, spectra), DL5
        (flux points, light curves, catalogues)"/>
    <column name="simulated" type="smallint" ucd="meta.code"
      tablehead="Simulated" verbLevel="5"
      description="Whether the data come from a simulation (1) or from the sky (0); NULL if the collection does not say">
      <values nullLiteral="-1"/></column>
    <FEED source="rd/obscore_hea#hea-columns"/>
    <FEED source="rd/obscore_hea#gadf-columns">
      <PRUNE name="tracking_type"/>
    </FEED>
    <FEED source="dl3-columns"/>
    <column name="fingerprint" type="text" ucd="meta.code"
      tablehead="Fingerprint" verbLevel="30"
      description="Digest of everything this row was made from; the next import reads the file again when it differs"/>
  </table>

  <table id="obs_index" onDisk="True" adql="True">
    <meta name="title">Observation index (GADF)</meta>
    <meta name="table-rank">25</meta>
    <meta name="_associatedDatalinkService">
      <meta name="serviceId">cta/dl#links</meta>
      <meta name="idColumn">obs_publisher_did</meta>
    </meta>
    <meta name="description">The observation index of the gamma-ray community (GADF 0.3, obs-index), one row for each event
      list. Column names and units are those of the index files, times are in each file's own scale.</meta>
    <FEED source="rd/timesys#tt-mjd" column="tstart_tt"/>
    <FEED source="rd/timesys#tt-mjd" column="tstop_tt"/>
    <LOOP listItems="obs_publisher_did obs_collection obs_id obs_mode">
      <events><column original="dataset.\item"/></events>
    </LOOP>
    <FEED source="rd/obscore_hea#gadf-columns">
      <PRUNE name="tracking_type"/>
    </FEED>
    <FEED source="dl3-columns"/>
    <column name="event_count" type="integer" ucd="meta.number;phys.particle"
      tablehead="Events" verbLevel="1"
      description="Number of events in the event list">
      <values nullLiteral="-1"/></column>
    <column name="safe_energy_lo" type="double precision" unit="TeV" ucd="em.energy;stat.min"
      tablehead="E low" verbLevel="10"
      description="Lower energy of the range the event list is made for"/>
    <column name="safe_energy_hi" type="double precision" unit="TeV" ucd="em.energy;stat.max"
      tablehead="E high" verbLevel="10"
      description="Upper energy of the range the event list is made for"/>
    <FEED source="//procs#declare-indexes-from" sourceTables="dataset"/>
    <viewStatement>
      CREATE VIEW \qName AS (SELECT \colNames FROM (
        SELECT *, ev_xel AS event_count, energy_min/1e12 AS safe_energy_lo, energy_max/1e12 AS safe_energy_hi
        FROM \schema.dataset WHERE dataproduct_type='event') AS events)
    </viewStatement>
  </table>

  <table id="hdu_index" onDisk="True" adql="True">
    <meta name="title">HDU index (GADF)</meta>
    <meta name="table-rank">26</meta>
    <meta name="_associatedDatalinkService">
      <meta name="serviceId">cta/dl#links</meta>
      <meta name="idColumn">obs_publisher_did</meta>
    </meta>
    <meta name="description">Where the parts of an observation are (GADF 0.3, hdu-index): events, good time intervals and responses
      of each dataset, in its own file or in a file that several observations share.</meta>
    <index columns="obs_publisher_did"/>
    <index columns="file_publisher_did"/>
    <index columns="hdu_type"/>
    <column original="dataset.obs_publisher_did" ucd="meta.ref.ivoid"
      description="The dataset this HDU belongs to"/>
    <column original="dataset.obs_collection"/>
    <column original="dataset.obs_id"/>
    <column name="hdu_type" type="text" ucd="meta.code.class"
      tablehead="Type" verbLevel="1"
      description="What the HDU holds: events, gti, pointing, aeff, edisp, psf, bkg, rad_max"/>
    <column name="hdu_class" type="text" ucd="meta.code.class"
      tablehead="Class" verbLevel="1"
      description="Its format in GADF's terms, e.g. aeff_2d, psf_table, bkg_3d; map for a response stored as sky map"/>
    <column name="hdu_name" type="text" ucd="meta.id"
      tablehead="HDU" verbLevel="1"
      description="Name (EXTNAME) of the HDU, or its number"/>
    <column name="file_accref" type="text" ucd="meta.ref"
      tablehead="File" verbLevel="10" displayHint="type=product"
      description="Access to the file that has the HDU"/>
    <column name="file_publisher_did" type="text" ucd="meta.ref.ivoid"
      tablehead="File DID" verbLevel="10"
      description="The dataset that file is"/>
  </table>

  <FEED source="rd/product_tables#tables"/>

  <table id="collection" onDisk="True" adql="True" primary="name">
    <meta name="title">Collections</meta>
    <meta name="table-rank">30</meta>
    <meta name="description">The collections (data releases) of this archive: what they are, the terms of use that go with their data,
      and what they cover.</meta>
    <column name="name" type="text" ucd="meta.id;meta.main"
      tablehead="Name" verbLevel="1"
      description="Short name; access references of the collection's files begin with cta/data/ and this name"/>
    <column original="dataset.obs_collection"/>
    <column name="title" type="text" ucd="meta.title"
      tablehead="Title" verbLevel="1"
      description="Title"/>
    <column name="description" type="text" ucd="meta.note"
      tablehead="Description" verbLevel="10"
      description="What the collection is"/>
    <column name="creator" type="text" ucd="meta.bib.author"
      tablehead="Creator" verbLevel="5"
      description="Who made the data"/>
    <column name="terms" type="text" ucd="meta.note"
      tablehead="Terms" verbLevel="5"
      description="Terms of use of the data"/>
    <column name="terms_uri" type="text" ucd="meta.ref.uri"
      tablehead="Licence" verbLevel="10"
      description="Address of the licence"/>
    <column name="acknowledgement" type="text" ucd="meta.note"
      tablehead="Acknowledgement" verbLevel="10"
      description="What to write when the data were used"/>
    <column name="reference_url" type="text" ucd="meta.ref.url"
      tablehead="Home" verbLevel="10"
      description="Where to read more"/>
    <column original="dataset.bib_reference"/>
    <column original="dataset.facility_name"
      description="Facility, if it is the same for all of the collection"/>
    <column original="dataset.instrument_name"
      description="Instrument, if it is the same for all of the collection"/>
    <column original="dataset.simulated"/>
    <column name="release_date" type="date" ucd="time.release"
      tablehead="Released" verbLevel="10"
      description="When the collection was released"/>
    <column name="owner" type="text" ucd="meta.id"
      tablehead="Owner" verbLevel="25"
      description="Group that may fetch proprietary files of the collection"/>
    <column name="n_datasets" type="integer" required="True" ucd="meta.number;meta.dataset"
      tablehead="Files" verbLevel="5"
      description="Number of published files"/>
    <column name="n_events" type="bigint" required="True" ucd="meta.number;phys.particle"
      tablehead="Events" verbLevel="5"
      description="Number of events in its event lists"/>
    <column name="coverage_spatial" type="text" ucd="pos.outline"
      tablehead="Sky" verbLevel="25"
      description="Sky covered, as a MOC of order 6"/>
    <column name="coverage_t_min" type="double precision" unit="d" ucd="time.start"
      tablehead="From" verbLevel="20"
      description="Start of the first observation, MJD TDB"/>
    <column name="coverage_t_max" type="double precision" unit="d" ucd="time.end"
      tablehead="To" verbLevel="20"
      description="End of the last observation, MJD TDB"/>
    <column name="coverage_energy_min" type="double precision" unit="J" ucd="em.energy;stat.min"
      tablehead="E min." verbLevel="20"
      description="Lowest energy"/>
    <column name="coverage_energy_max" type="double precision" unit="J" ucd="em.energy;stat.max"
      tablehead="E max." verbLevel="20"
      description="Highest energy"/>
    <column name="imported" type="timestamp" ucd="time;meta.dataset"
      tablehead="Imported" verbLevel="20"
      description="When the collection was last imported, UTC"/>
  </table>

  <table id="document" onDisk="True" adql="True" primary="accref" forceUnique="False">
    <meta name="title">Documents of collections</meta>
    <meta name="table-rank">40</meta>
    <meta name="description">Files that go with a collection: terms of use, descriptions, and the index files the data came with.</meta>
    <mixin>//products#table</mixin>
    <index columns="collection"/>
    <column name="collection" type="text" ucd="meta.id"
      tablehead="Collection" verbLevel="1"
      description="Name of the collection"/>
    <column name="kind" type="text" ucd="meta.code.class"
      tablehead="Kind" verbLevel="1"
      description="What the document is: terms, readme, documentation or index"/>
    <column name="title" type="text" ucd="meta.title"
      tablehead="Title" verbLevel="1"
      description="The file's path in the collection"/>
  </table>

  <table id="import_problem" onDisk="True" adql="True">
    <meta name="title">Problems met when importing</meta>
    <meta name="table-rank">90</meta>
    <meta name="description">Every file that was found but not published, every file an index lists that is not there, and every
      doubt about a published file, with the reason.</meta>
    <index columns="collection"/>
    <column name="collection" type="text" ucd="meta.id"
      tablehead="Collection" verbLevel="1"
      description="Name of the collection"/>
    <column name="path" type="text" ucd="meta.id;meta.file"
      tablehead="Path" verbLevel="1"
      description="Path of the file in the collection"/>
    <column name="severity" type="text" ucd="meta.code.qual"
      tablehead="Severity" verbLevel="1"
      description="error (not published), warning (listed but not there, or published with a doubt), info (left out on purpose)"/>
    <column name="sentence" type="text" ucd="meta.note"
      tablehead="Reason" verbLevel="1"
      description="What is wrong"/>
    <column name="noticed" type="timestamp" ucd="time"
      tablehead="Noticed" verbLevel="10"
      description="When this was noticed, UTC"/>
  </table>

  <!-- The same files: their coverage is computed once, from their footprints (dachs limits -t //obscore). -->
  <coverage fallbackTo="__system__/obscore"/>

  <data id="import" updating="True">
    <sources item="linked collections"/>
    <customGrammar module="res/collections_grammar"/>
    <make table="dataset"/>
    <make table="hdu_index"/>
    <make table="part"/>
    <make table="source_all"/>
    <make table="derivation"/>
    <make table="collection"/>
    <make table="document"/>
    <make table="import_problem"/>
  </data>

  <!-- After an update of the software: tables keep their rows and get the columns they lack. -->
  <data id="upgrade" updating="True" auto="False">
    <sources item="the tables themselves"/>
    <nullGrammar/>
    <LOOP listItems="dataset hdu_index part source_all derivation collection document import_problem">
      <events>
        <make table="\item">
          <script name="add missing columns" type="newSource" lang="python">
            from ingest.dachs import add_missing_columns
            add_missing_columns(table)
          </script>
        </make>
      </events>
    </LOOP>
  </data>

  <data id="views">
    <make table="obs_index"/>
    <make table="source"/>
  </data>

  <!-- One registry record for each collection, with its own coverage, from the rows of cta.collection. -->
  <LOOP>
    <codeItems>
      from ingest.registry import collection_records
      yield from collection_records()
    </codeItems>
    <events>
      <data id="\id" auto="False">
        <meta name="title">\title</meta>
        <meta name="shortName">\short_name</meta>
        <meta name="creationDate">\created</meta>
        <meta name="description">\description</meta>
        <meta name="creator.name">\creator</meta>
        <meta name="rights">\terms<meta name="rightsURI">\terms_uri</meta></meta>
        <meta name="referenceURL">\reference_url</meta>
        <meta name="facility">\facility</meta>
        <meta name="instrument">\instrument</meta>
        <meta name="coverage">
          <meta name="spatial">\spatial</meta>
          <meta name="temporal">\temporal</meta>
          <meta name="spectral">\spectral</meta>
          <meta name="waveband">Gamma-ray</meta>
        </meta>
        <register services="//tap#run"/>
        <make table="dataset"/>
      </data>
    </events>
  </LOOP>

  <service id="cone" allowed="scs.xml,form,static">
    <meta name="title">\getConfig{web}{siteName}: Cone Search for Gamma-Ray Observations</meta>
    <meta name="shortName">CTA cone</meta>
    <meta name="description">Finds the event lists whose pointing lies within a cone, by position or by the name of a
      source.</meta>
    <meta>
      testQuery.ra: 83.63
      testQuery.dec: 22.01
      testQuery.sr: 2
    </meta>
    <publish render="scs.xml" sets="ivo_managed"/>
    <publish render="form" sets="local,ivo_managed"/>
    <dbCore queriedTable="dataset">
      <FEED source="//scs#coreDescs"/>
      <condDesc buildFrom="target_name"/>
      <condDesc buildFrom="obs_collection"/>
      <condDesc>
        <inputKey original="obs_id" multiplicity="multiple"/>
      </condDesc>
      <!-- Images, spectra and sources have services of their own. -->
      <condDesc combining="True">
        <phraseMaker><code>yield "dataproduct_type='event'"</code></phraseMaker>
      </condDesc>
    </dbCore>
    <outputTable>
      <autoCols>target_name, obs_id, obs_collection, instrument_name, s_ra, s_dec, s_fov, t_min, t_max, t_exptime,
        energy_min, energy_max, ev_xel, obs_mode, zen_pnt, n_tels, quality, accref, accsize, mime, owner, embargo,
        dataproduct_type, dataproduct_subtype, calib_level, obs_title, target_class, facility_name, proposal_id,
        s_resolution, em_res_power, simulated, obs_publisher_did</autoCols>
    </outputTable>
  </service>

  <regSuite title="cta/q">
    <regTest title="The cone search answers">
      <url RA="83.63" DEC="22.01" SR="3" MAXREC="1">cone/scs.xml</url>
      <code>self.assertHasStrings('ucd="POS_EQ_RA_MAIN"', 'ucd="ID_MAIN"')</code>
    </regTest>
    <regTest title="A cone search without position is an error, in the VO's way">
      <url RA="83.63">cone/scs.xml</url>
      <code>self.assertHasStrings('name="Error"')</code>
    </regTest>
    <regTest title="TIMESYS and COOSYS are declared for what TAP returns from obscore">
      <url parSet="TAP" QUERY="SELECT TOP 1 t_min, t_max, s_ra, s_dec FROM ivoa.obscore">/tap/sync</url>
      <code>self.assertHasStrings('timescale="UTC"', 'refposition="TOPOCENTER"', 'system="ICRS"')</code>
    </regTest>
    <regTest title="Every file that was not published has its reason">
      <url parSet="TAP" QUERY="SELECT COUNT(*) AS n FROM cta.import_problem WHERE sentence IS NULL OR sentence=''">/tap/sync</url>
      <code>self.assertEqual(self.getFirstVOTableRow()["n"], 0)</code>
    </regTest>
    <regTest title="The form shows">
      <url>cone/form</url>
      <code>self.assertHasStrings("Position/Name", "Collection")</code>
    </regTest>
  </regSuite>
</resource>

<?xml version="1.0" encoding="utf-8"?>
<resource schema="ivoa" resdir="cta">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">Planned and Performed Observations of the \getConfig{web}{siteName}</meta>
  <meta name="shortName">CTA obsplan</meta>
  <meta name="description">Planned, scheduled, performed and aborted observations of Cherenkov telescopes (ObsLocTAP), from the
    schedules of the observatories.</meta>
  <meta name="subject">gamma-ray-astronomy</meta>
  <meta name="subject">observational-astronomy</meta>
  <meta name="instrument">Cherenkov telescope arrays</meta>
  <meta name="facility">CTAO</meta>
  <meta name="coverage.waveband">Gamma-ray</meta>
  <meta name="contentLevel">Research</meta>
  <meta name="type">Archive</meta>

  <STREAM id="obsloctap-columns">
    <doc>The columns of ObsLocTAP 1.0, section 4. Some have neither unit, UCD nor utype in the standard, and validators take
      one for an error.</doc>
    <column name="t_planning" type="double precision" unit="d" required="True"
      tablehead="Planned" verbLevel="10" displayHint="sf=5"
      description="When this row was added or last changed, MJD UTC"/>
    <column name="target_name" type="text" ucd="meta.id;src" utype="Target.name"
      tablehead="Target" verbLevel="1"
      description="Target; NULL while confidential"/>
    <column name="obs_id" type="text" ucd="meta.id" utype="DataID.observationID" required="True"
      tablehead="Observation" verbLevel="1"
      description="Identifier of the scheduling block, as identifier in cta.observation"/>
    <column name="obs_collection" type="text" ucd="meta.id" utype="DataID.collection"
      tablehead="Collection" verbLevel="10"
      description="Collection the observation belongs to"/>
    <column name="s_ra" type="double precision" unit="deg" ucd="pos.eq.ra"
      utype="Char.SpatialAxis.Coverage.Location.Coord.Position2D.Value2.C1"
      tablehead="RA" verbLevel="1" displayHint="sf=4"
      description="Right ascension of the target, ICRS; NULL while confidential"/>
    <column name="s_dec" type="double precision" unit="deg" ucd="pos.eq.dec"
      utype="Char.SpatialAxis.Coverage.Location.Coord.Position2D.Value2.C2"
      tablehead="Dec" verbLevel="1" displayHint="sf=4"
      description="Declination of the target, ICRS; NULL while confidential"/>
    <column name="s_fov" type="double precision" unit="deg" ucd="phys.angSize;instr.fov"
      utype="Char.SpatialAxis.Coverage.Bounds.Extent.diameter"
      tablehead="Field" verbLevel="10"
      description="Diameter of the field that is covered, wobble offset included"/>
    <column name="s_region" type="spoly" ucd="pos.outline;obs.field" utype="Char.SpatialAxis.Coverage.Support.Area"
      tablehead="Region" verbLevel="20"
      description="Polygon around the field that is covered"/>
    <column name="s_resolution" type="double precision" unit="arcsec" ucd="pos.angResolution"
      utype="Char.SpatialAxis.Resolution.Refval.value"
      tablehead="Resolution" verbLevel="20"
      description="Angular resolution (FWHM)"/>
    <column name="t_min" type="double precision" unit="d" ucd="time.start;obs.exposure"
      utype="Char.TimeAxis.Coverage.Bounds.Limits.StartTime"
      tablehead="Start (UTC)" verbLevel="1" displayHint="sf=5"
      description="Start, MJD UTC: of the slot; of the first run where there are runs"/>
    <column name="t_max" type="double precision" unit="d" ucd="time.end;obs.exposure"
      utype="Char.TimeAxis.Coverage.Bounds.Limits.StopTime"
      tablehead="End (UTC)" verbLevel="1" displayHint="sf=5"
      description="End, MJD UTC: of the slot; of the last run where there are runs"/>
    <column name="t_exptime" type="double precision" unit="s" ucd="time.duration;obs.exposure"
      utype="Char.TimeAxis.Coverage.Support.Extent"
      tablehead="Exposure" verbLevel="5" displayHint="sf=1"
      description="Live-time of what was observed; planned exposure of what is scheduled"/>
    <column name="t_resolution" type="double precision" unit="s" ucd="time.resolution"
      utype="Char.TimeAxis.Resolution.Refval.value"
      tablehead="Time res." verbLevel="20"
      description="Resolution of times"/>
    <column name="em_min" type="double precision" unit="m" ucd="em.wl;stat.min"
      utype="Char.SpectralAxis.Coverage.Bounds.Limits.LoLimit"
      tablehead="Wavelength min." verbLevel="20"
      description="Shortest wavelength, that is highest energy, of the sub-arrays"/>
    <column name="em_max" type="double precision" unit="m" ucd="em.wl;stat.max"
      utype="Char.SpectralAxis.Coverage.Bounds.Limits.HiLimit"
      tablehead="Wavelength max." verbLevel="20"
      description="Longest wavelength, that is lowest energy, of the sub-arrays"/>
    <column name="em_res_power" type="double precision" ucd="spect.resolution"
      utype="Char.SpectralAxis.Resolution.ResolPower.refVal"
      tablehead="Resolving power" verbLevel="20"
      description="Energy divided by its resolution (FWHM)"/>
    <column name="o_ucd" type="text" ucd="meta.ucd" utype="Char.ObservableAxis.ucd"
      tablehead="Observable" verbLevel="25"
      description="UCD of what is measured; NULL for events"/>
    <column name="pol_states" type="text" ucd="meta.code;phys.polarization" utype="Char.PolarizationAxis.stateList"
      tablehead="Polarization" verbLevel="25"
      description="Polarization states; NULL for gamma rays"/>
    <column name="pol_xel" type="integer" ucd="meta.number" utype="Char.PolarizationAxis.numBins"
      tablehead="Pol. states" verbLevel="25"
      description="Number of polarization states"><values nullLiteral="-1"/></column>
    <column name="facility_name" type="text" ucd="meta.id;instr.tel" utype="Provenance.ObsConfig.Facility.name" required="True"
      tablehead="Facility" verbLevel="5"
      description="Observatory"/>
    <column name="instrument_name" type="text" ucd="meta.id;instr" utype="Provenance.ObsConfig.Instrument.name"
      tablehead="Instrument" verbLevel="5"
      description="Array of telescopes; NULL while confidential, unless the collection is of one array"/>
    <column name="t_plan_exptime" type="double precision" unit="s" ucd="time.duration;obs.exposure"
      utype="Char.TimeAxis.Coverage.Support.Extent"
      tablehead="Planned exposure" verbLevel="5" displayHint="sf=1"
      description="Planned exposure"/>
    <column name="category" type="text" required="True"
      tablehead="Category" verbLevel="10"
      description="How bound to its time the observation is">
      <values><option>Fixed</option><option>Coordinated</option><option>Window</option><option>Other</option></values></column>
    <column name="priority" type="integer" required="True"
      tablehead="Priority" verbLevel="10"
      description="0 easily moved, 1, 2 hard to move"/>
    <column name="execution_status" type="text" required="True"
      tablehead="Status" verbLevel="1"
      description="Where the observation is in its life">
      <values><option>Planned</option><option>Scheduled</option><option>Unscheduled</option><option>Performed</option><option
        >Aborted</option></values></column>
    <column name="tracking_type" type="text" required="True"
      tablehead="Tracking" verbLevel="10"
      description="How the pointing moves">
      <values><option>Sidereal</option><option>Solar-system-object-tracking</option><option>Fixed-az-el-transit</option
        ></values></column>
  </STREAM>

  <table id="obsplan" onDisk="True" adql="True" primary="observation_id">
    <meta name="title">Planned and performed observations</meta>
    <meta name="table-rank">10</meta>
    <meta name="utype">ivo://ivoa.net/std/obsloctap#table-1.0</meta>
    <meta name="description">Observations in the past and in the future, one row for each block of a schedule (ObsLocTAP 1.0):
      Planned, Scheduled, Unscheduled, Performed or Aborted. Of a confidential one only its slot is told. What was
      published of it is found through observation_id, a column of cta.observation_summary.</meta>
    <register sets="ivo_managed"/>
    <FEED source="rd/timesys#utc-mjd" column="t_planning"/>
    <FEED source="rd/timesys#utc-mjd" column="t_min"/>
    <FEED source="rd/timesys#utc-mjd" column="t_max"/>
    <stc>Polygon ICRS [s_region]</stc>
    <stc>Position ICRS "s_ra" "s_dec"</stc>

    <index name="q3c_obsplan" kind="q3c"><columns>s_ra,s_dec</columns>q3c_ang2ipix(s_ra,s_dec)</index>
    <index name="region_obsplan" columns="s_region" method="GIST"/>
    <index columns="collection"/>
    <index columns="obs_id"/>
    <index columns="target_name"/>
    <index columns="t_planning"/>
    <index columns="t_min"/>
    <index columns="t_max"/>
    <index columns="execution_status"/>
    <index columns="proposal_id"/>

    <FEED source="obsloctap-columns"/>
    <column name="proposal_id" type="text" ucd="meta.id;obs.proposal"
      tablehead="Proposal" verbLevel="10"
      description="Identifier of the observing proposal; NULL while confidential"/>
    <column name="pointing_mode" type="text" ucd="meta.code;obs.param"
      tablehead="Pointing" verbLevel="15"
      description="How telescopes point relative to each other: parallel, convergent or divergent"/>
    <column name="sub_array" type="text" ucd="meta.id;instr.setup"
      tablehead="Sub-array" verbLevel="10"
      description="Groups of telescopes that observe"/>
    <column name="n_tels" type="integer" ucd="meta.number;instr.tel"
      tablehead="Telescopes" verbLevel="10"
      description="Number of telescopes"><values nullLiteral="-1"/></column>
    <column name="n_datasets" type="integer" ucd="meta.number;meta.dataset"
      tablehead="Published" verbLevel="5"
      description="Number of published datasets of the observation; NULL for none"><values nullLiteral="-1"/></column>
    <column name="observation_id" type="text" ucd="meta.id;meta.main" required="True"
      tablehead="Key" verbLevel="20"
      description="Key of the observation, as observation_id in cta.observation and cta.observation_summary"/>
    <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
      tablehead="Came with" verbLevel="20"
      description="Collection the row came with, as name in cta.collection"/>
  </table>

  <coverage fallbackTo="__system__/obscore"/>

  <data id="import">
    <sources item="the data model's tables"/>
    <customGrammar module="res/obsplan_grammar"/>
    <make table="obsplan"/>
  </data>

  <regSuite title="cta/obsplan">
    <regTest title="Nothing is told of where confidential observations point">
      <url parSet="TAP" QUERY="SELECT COUNT(*) AS n FROM ivoa.obsplan JOIN cta.observation USING (observation_id) WHERE confidential=1 AND (target_name IS NOT NULL OR s_ra IS NOT NULL OR s_region IS NOT NULL OR proposal_id IS NOT NULL)">/tap/sync</url>
      <code>self.assertEqual(self.getFirstVOTableRow()["n"], 0)</code>
    </regTest>
    <regTest title="What is scheduled or performed has its slot">
      <url parSet="TAP" QUERY="SELECT COUNT(*) AS n FROM ivoa.obsplan WHERE execution_status IN ('Scheduled', 'Performed') AND (t_min IS NULL OR t_max IS NULL OR t_exptime IS NULL)">/tap/sync</url>
      <code>self.assertEqual(self.getFirstVOTableRow()["n"], 0)</code>
    </regTest>
  </regSuite>
</resource>

<?xml version="1.0" encoding="utf-8"?>
<!-- What a data centre would write for such files with DaCHS's own means: the header of the events, one row a file, published to
  ObsCore. Neither variant looks at a response or a good time interval. They are here to be compared with.

  * bare: the header alone, no footprint; fitsProdGrammar then reads the beginning of each file only.
  * main: with a footprint, so that INTERSECTS and CONTAINS work on s_region, of as many vertices as the archive's. -->
<resource schema="stock" resdir="stock">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">Stock RD</meta>
  <meta name="description">Event lists described from the header of their first extension.</meta>
  <meta name="subject">astronomy-web-services</meta>

  <STREAM id="columns">
    <index columns="obs_id"/>
    <index columns="t_min"/>
    <index columns="target_name"/>
    <column name="obs_id" type="text" ucd="meta.id;meta.main"
      description="Observation"/>
    <column name="title" type="text" ucd="meta.title"
      description="Title"/>
    <column name="target_name" type="text" ucd="meta.id;src"
      description="Target"/>
    <column name="facility_name" type="text" ucd="meta.id;instr.tel"
      description="Telescope"/>
    <column name="s_ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
      description="Pointing, right ascension"/>
    <column name="s_dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
      description="Pointing, declination"/>
    <column name="t_min" type="double precision" unit="d" ucd="time.start"
      description="Start, MJD"/>
    <column name="t_max" type="double precision" unit="d" ucd="time.end"
      description="End, MJD"/>
    <column name="t_exptime" type="double precision" unit="s" ucd="time.duration"
      description="Live-time"/>
  </STREAM>

  <STREAM id="maps">
    <map key="obs_id">str(@OBS_ID)</map>
    <map key="title">"Event list, observation %s"%@OBS_ID</map>
    <map key="target_name">@OBJECT</map>
    <map key="facility_name">@TELESCOP</map>
    <map key="s_ra">@RA_PNT</map>
    <map key="s_dec">@DEC_PNT</map>
    <map key="t_min">@MJDREFI+@MJDREFF+@TSTART/86400.</map>
    <map key="t_max">@MJDREFI+@MJDREFF+@TSTOP/86400.</map>
    <map key="t_exptime">@LIVETIME</map>
  </STREAM>

  <table id="bare" onDisk="True" adql="True">
    <mixin>//products#table</mixin>
    <mixin>//scs#q3cindex</mixin>
    <mixin
      dataproduct_type="'event'" calib_level="2" obs_collection="'stock'" obs_id="obs_id" obs_title="title"
      target_name="target_name" s_ra="s_ra" s_dec="s_dec" s_fov="5"
      t_min="t_min" t_max="t_max" t_exptime="t_exptime"
      facility_name="facility_name" instrument_name="facility_name"
      >//obscore#publish</mixin>
    <FEED source="columns"/>
  </table>

  <table id="main" onDisk="True" adql="True">
    <mixin>//products#table</mixin>
    <mixin>//scs#q3cindex</mixin>
    <mixin
      dataproduct_type="'event'" calib_level="2" obs_collection="'stock'" obs_id="obs_id" obs_title="title"
      target_name="target_name" s_ra="s_ra" s_dec="s_dec" s_fov="5" s_region="s_region"
      t_min="t_min" t_max="t_max" t_exptime="t_exptime"
      facility_name="facility_name" instrument_name="facility_name"
      >//obscore#publish</mixin>
    <index columns="s_region" method="GIST"/>
    <FEED source="columns"/>
    <column name="s_region" type="spoly" ucd="pos.outline;obs.field"
      description="Field of view"/>
  </table>

  <LOOP>
    <csvItems>
      size
      small
      large
    </csvItems>
    <events>
      <data id="bare-\size" auto="False">
        <sources pattern="data/\size/*.fits.gz"/>
        <fitsProdGrammar hdu="1" qnd="False">
          <rowfilter procDef="//products#define"><bind key="table">"\\schema.bare"</bind></rowfilter>
        </fitsProdGrammar>
        <make table="bare">
          <rowmaker>
            <FEED source="maps"/>
          </rowmaker>
        </make>
      </data>
      <data id="main-\size" auto="False">
        <sources pattern="data/\size/*.fits.gz"/>
        <fitsProdGrammar hdu="1" qnd="False">
          <rowfilter procDef="//products#define"><bind key="table">"\\schema.main"</bind></rowfilter>
        </fitsProdGrammar>
        <make table="main">
          <rowmaker>
            <FEED source="maps"/>
            <map key="s_region">pgsphere.SCircle.fromDALI([@RA_PNT, @DEC_PNT, 2.5]).asPoly(8)</map>
          </rowmaker>
        </make>
      </data>
    </events>
  </LOOP>
</resource>

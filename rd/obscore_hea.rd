<?xml version="1.0" encoding="utf-8"?>
<resource schema="ivoa" resdir=".">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">\getConfig{web}{siteName} obscore_hea Table</meta>
  <meta name="shortName">obscore_hea</meta>
  <meta name="subject">gamma-ray-astronomy</meta>
  <meta name="subject">high-energy-astrophysics</meta>
  <meta name="description">The high-energy extension of ObsCore for the event lists and responses in
    \getConfig{web}{siteName}'s ivoa.obscore.</meta>

  <!-- To use this on another DaCHS site: copy this file to inputs/rd, run `dachs imp rd/obscore_hea`, add
    <mixin .../rd/obscore_hea#publish.../> to tables that have an //obscore mixin, and re-import (or `imp -m`) those.
    After a change of the columns: `dachs imp -m` those again, then `dachs imp rd/obscore_hea create`. -->

  <STREAM id="hea-columns">
    <doc>The columns of the ObsCore high-energy extension (proposed endorsed note 1.0, 2026-08-03). Replay them into a
      table of your own that mixes in #publish, or map other columns by the mixin's parameters.</doc>

    <column name="ev_xel" type="integer"
      ucd="meta.number;instr.detection;phys.particle"
      tablehead="Events" verbLevel="1"
      description="Number of events in the event list">
      <values nullLiteral="-1"/><property name="std">1</property></column>
    <column name="s_ref_energy" type="double precision"
      unit="eV" ucd="meta.ref;em.energy;pos"
      tablehead="E ref. (space)" verbLevel="25"
      description="Energy at which s_fov, s_region and s_resolution hold">
      <property name="std">1</property></column>
    <column name="em_ref_energy" type="double precision"
      unit="eV" ucd="meta.ref;em.energy;em"
      tablehead="E ref. (energy)" verbLevel="25"
      description="Energy at which em_res_power and em_resolution hold">
      <property name="std">1</property></column>
    <column name="s_ref_oaa" type="double precision"
      unit="deg" ucd="pos.posAng;instr.offset;pos"
      tablehead="Offset (space)" verbLevel="25"
      description="Off-axis angle at which the spatial figures hold">
      <property name="std">1</property></column>
    <column name="em_ref_oaa" type="double precision"
      unit="deg" ucd="pos.posAng;instr.offset;em"
      tablehead="Offset (energy)" verbLevel="25"
      description="Off-axis angle at which the spectral figures hold">
      <property name="std">1</property></column>
    <column name="t_intervals" type="text"
      ucd="time.interval;obs.exposure"
      tablehead="GTI" verbLevel="25"
      description="Union of the good time intervals as a temporal MOC (cells of 0.5 s where they fit, TCB)">
      <property name="std">1</property></column>
    <column name="energy_min" type="double precision"
      unit="eV" ucd="em.energy;stat.min"
      tablehead="E min." verbLevel="1" displayHint="displayUnit=TeV,sf=3"
      description="Lower energy of the range the dataset is made for; corresponds to em_max of ObsCore">
      <property name="std">1</property></column>
    <column name="energy_max" type="double precision"
      unit="eV" ucd="em.energy;stat.max"
      tablehead="E max." verbLevel="1" displayHint="displayUnit=TeV,sf=3"
      description="Upper energy of the range the dataset is made for; corresponds to em_min of ObsCore">
      <property name="std">1</property></column>
    <column name="obs_mode" type="text"
      ucd="meta.code;obs.param"
      tablehead="Mode" verbLevel="5"
      description="Observation mode in the facility's own words (GADF: POINTING, RASTER, SLEW, SCAN, DRIFT, WOBBLE)">
      <property name="std">1</property></column>
    <column name="tracking_mode" type="text"
      ucd="meta.code;obs.param"
      tablehead="Tracking" verbLevel="15"
      description="How the instrument followed the sky: sidereal, fixed-az-el-transit, solar-system-object-tracking, none">
      <property name="std">1</property></column>
    <column name="scan_mode" type="text"
      ucd="meta.code;obs.param"
      tablehead="Scan" verbLevel="15"
      description="How the target was sampled: on-source, on-off, raster-map, on-the-fly-cross-scan, on-the-fly-cross-map (wobble observations), slew">
      <property name="std">1</property></column>
    <column name="pointing_mode" type="text"
      ucd="meta.code;obs.param"
      tablehead="Pointing mode" verbLevel="15"
      description="How the telescopes pointed relative to each other: parallel, convergent or divergent, perhaps with an angle">
      <property name="std">1</property></column>
    <column name="analysis_mode" type="text"
      ucd="meta.code;obs.param"
      tablehead="Analysis" verbLevel="15"
      description="Configuration of the data reduction (event class and analysis version)">
      <property name="std">1</property></column>
    <column name="event_type" type="text"
      ucd="meta.code.qual;instr.detection;phys.particle"
      tablehead="Event type" verbLevel="15"
      description="Label of the partition of the events this dataset holds; NULL when events are not partitioned">
      <property name="std">1</property></column>
    <column name="messenger_name" type="text"
      ucd="meta.id;phys.particle"
      tablehead="Messenger" verbLevel="15"
      description="Messenger particle, from the IVOA vocabulary of messengers">
      <property name="std">1</property></column>
    <column name="messenger_pdgid" type="text"
      ucd="meta.id;phys.particle"
      tablehead="PDG id" verbLevel="25"
      description="Number of the messenger particle in the Particle Data Group's scheme, always signed (photon: +22)">
      <property name="std">1</property></column>
  </STREAM>

  <STREAM id="gadf-columns">
    <doc>Columns of GADF's observation index (GADF 0.3, data_storage/obs_index), which gamma-ray clients need beside
      ObsCore: with them the natural join of ivoa.obscore and ivoa.obscore_hea is enough to open the data in
      gammapy. tracking_type repeats tracking_mode for clients of earlier drafts of the extension.</doc>

    <column name="tracking_type" type="text"
      ucd="meta.code;obs.param"
      tablehead="Tracking type" verbLevel="30"
      description="Same as tracking_mode (name used in earlier drafts)"/>
    <column name="ra_pnt" type="double precision"
      unit="deg" ucd="pos.eq.ra;instr.tel"
      tablehead="RA pnt." verbLevel="15" displayHint="sf=4"
      description="Right ascension of the pointing as in the file's header (RA_PNT)"/>
    <column name="dec_pnt" type="double precision"
      unit="deg" ucd="pos.eq.dec;instr.tel"
      tablehead="Dec pnt." verbLevel="15" displayHint="sf=4"
      description="Declination of the pointing as in the file's header (DEC_PNT)"/>
    <column name="alt_pnt" type="double precision"
      unit="deg" ucd="pos.az.alt"
      tablehead="Alt" verbLevel="15" displayHint="sf=2"
      description="Mean altitude of the pointing (ALT_PNT)"/>
    <column name="az_pnt" type="double precision"
      unit="deg" ucd="pos.az.azi"
      tablehead="Az" verbLevel="15" displayHint="sf=2"
      description="Mean azimuth of the pointing, from north over east (AZ_PNT)"/>
    <column name="zen_pnt" type="double precision"
      unit="deg" ucd="pos.az.zd"
      tablehead="Zenith angle" verbLevel="15" displayHint="sf=2"
      description="Mean zenith angle of the pointing (ZEN_PNT, or 90 deg - ALT_PNT)"/>
    <column name="glon_pnt" type="double precision"
      unit="deg" ucd="pos.galactic.lon"
      tablehead="l" verbLevel="20" displayHint="sf=4"
      description="Galactic longitude of the pointing"/>
    <column name="glat_pnt" type="double precision"
      unit="deg" ucd="pos.galactic.lat"
      tablehead="b" verbLevel="20" displayHint="sf=4"
      description="Galactic latitude of the pointing"/>
    <column name="tstart" type="double precision"
      unit="s" ucd="time.start;obs.exposure"
      tablehead="TSTART" verbLevel="20"
      description="Start in the file's own time: seconds since its reference epoch (TSTART)"/>
    <column name="tstop" type="double precision"
      unit="s" ucd="time.end;obs.exposure"
      tablehead="TSTOP" verbLevel="20"
      description="End in the file's own time: seconds since its reference epoch (TSTOP)"/>
    <column name="ontime" type="double precision"
      unit="s" ucd="time.duration;obs.exposure"
      tablehead="On-time" verbLevel="15"
      description="Sum of the good time intervals, dead time included (ONTIME)"/>
    <column name="livetime" type="double precision"
      unit="s" ucd="time.duration;obs.exposure"
      tablehead="Live-time" verbLevel="15"
      description="Exposure corrected for dead time (LIVETIME)"/>
    <column name="deadc" type="double precision"
      ucd="arith.factor;time.duration"
      tablehead="DEADC" verbLevel="25"
      description="Dead time correction: live-time over on-time (DEADC)"/>
    <column name="date_obs" type="text"
      ucd="time.start;obs.exposure"
      tablehead="DATE-OBS" verbLevel="25"
      description="Calendar date of tstart, in the file's time scale"/>
    <column name="time_obs" type="text"
      ucd="time.start;obs.exposure"
      tablehead="TIME-OBS" verbLevel="25"
      description="Time of day of tstart, in the file's time scale"/>
    <column name="date_end" type="text"
      ucd="time.end;obs.exposure"
      tablehead="DATE-END" verbLevel="25"
      description="Calendar date of tstop, in the file's time scale"/>
    <column name="time_end" type="text"
      ucd="time.end;obs.exposure"
      tablehead="TIME-END" verbLevel="25"
      description="Time of day of tstop, in the file's time scale"/>
    <column name="object" type="text"
      ucd="meta.id;src"
      tablehead="Object" verbLevel="20"
      description="Name of the observed object as in the file's header (OBJECT)"/>
    <column name="ra_obj" type="double precision"
      unit="deg" ucd="pos.eq.ra;src"
      tablehead="RA obj." verbLevel="20"
      description="Right ascension of the observed object as in the file's header (RA_OBJ)"/>
    <column name="dec_obj" type="double precision"
      unit="deg" ucd="pos.eq.dec;src"
      tablehead="Dec obj." verbLevel="20"
      description="Declination of the observed object as in the file's header (DEC_OBJ)"/>
    <column name="offset_obj" type="double precision"
      unit="deg" ucd="pos.angDistance"
      tablehead="Offset" verbLevel="20" displayHint="sf=2"
      description="Distance of the observed object from the pointing"/>
    <column name="n_tels" type="integer"
      ucd="meta.number;instr.tel"
      tablehead="Telescopes" verbLevel="15"
      description="Number of participating telescopes (N_TELS)">
      <values nullLiteral="-1"/></column>
    <column name="tellist" type="text"
      ucd="meta.id;instr.tel"
      tablehead="Telescope list" verbLevel="25"
      description="Participating telescopes (TELLIST)"/>
    <column name="quality" type="integer"
      ucd="meta.code.qual"
      tablehead="Quality" verbLevel="15"
      description="Quality of the observation: 0 best, 1 medium, 2 bad, -1 unknown (QUALITY)">
      <values nullLiteral="-99"/></column>
    <column name="muoneff" type="double precision"
      ucd="instr.det.qe"
      tablehead="Muon eff." verbLevel="25"
      description="Mean muon efficiency (MUONEFF)"/>
    <column name="conv_dep" type="double precision"
      ucd="obs.param"
      tablehead="Conv. depth" verbLevel="30"
      description="Convergence depth of the pointing: 0 parallel, positive convergent, negative divergent (CONV_DEP)"/>
  </STREAM>

  <table id="obscore_hea" adql="True" onDisk="True" system="True">
    <!-- No document gives the extension's utype yet; this one is formed like that of the radio extension. -->
    <meta name="utype">ivo://ivoa.net/std/obscore#hea-ext-1.0</meta>
    <meta name="description">The high-energy extension of ObsCore: what a gamma-ray user needs to know of a dataset beyond
      ivoa.obscore, one row for each of its rows. Join both with NATURAL JOIN; they share the column
      obs_publisher_did only. Energies are in eV. The columns from tracking_type on are those of the
      gamma-ray community's observation index.</meta>
    <property key="forceStats">True</property>
    <register/>

    <!-- what the tables behind the view are expected to have indexes on -->
    <index columns="obs_publisher_did" metaOnly="True"/>
    <index columns="energy_min" metaOnly="True"/>
    <index columns="energy_max" metaOnly="True"/>
    <index columns="ev_xel" metaOnly="True"/>
    <index columns="pointing_mode" metaOnly="True"/>
    <column original="//obscore#ObsCore.obs_publisher_did"/>
    <FEED source="hea-columns"/>
    <FEED source="gadf-columns"/>

    <!-- bogus: the real view is made from the fragments in _obscore_hea_sources -->
    <viewStatement>create view \qName (missing) as (select 0)</viewStatement>
  </table>

  <coverage fallbackTo="__system__/obscore"/>

  <table id="_obscore_hea_sources" onDisk="True" dupePolicy="overwrite" primary="table_name" system="True">
    <meta name="description">The SQL fragments that make up ivoa.obscore_hea. It is filled by importing tables that mix in
      rd/obscore_hea#publish and emptied by dropping them.</meta>
    <column name="table_name" type="text"
      description="Table that contributed this fragment"/>
    <column name="sql_fragment" type="text"
      description="SELECT statement giving the columns of obscore_hea"/>
    <column name="sourcerd" type="text"
      description="RD that defines the table"/>
  </table>

  <data id="init" updating="True">
    <make table="_obscore_hea_sources"/>
  </data>

  <data id="create" auto="False">
    <make table="obscore_hea">
      <script type="postCreation" lang="python" id="create-view">
        from gavo import rsc
        sources = rsc.TableForDef(
          base.resolveCrossId("rd/obscore_hea#_obscore_hea_sources"), connection=table.connection)
        parts = ["(%s)"%row["sql_fragment"] for row in sources.iterQuery(sources.tableDef, "")]
        if parts:
          table.connection.execute("DROP VIEW IF EXISTS ivoa.obscore_hea")
          table.connection.execute("CREATE VIEW ivoa.obscore_hea AS (%s)"%" UNION ALL ".join(parts))
          rsc.TableForDef(
            base.resolveCrossId("rd/obscore_hea#obscore_hea"), connection=table.connection).updateMeta()
      </script>
    </make>
  </data>

  <data id="recover" updating="True" recreateAfter="create" auto="False">
    <sources item="vanished tables"/>
    <nullGrammar/>
    <make table="_obscore_hea_sources">
      <script name="forget tables that do not exist any more" type="newSource" lang="python">
        querier = base.UnmanagedQuerier(table.connection)
        for name, in list(table.connection.query("SELECT table_name FROM ivoa._obscore_hea_sources")):
          if not querier.getTableType(name):
            table.connection.execute(
              "DELETE FROM ivoa._obscore_hea_sources WHERE table_name=%(name)s", {"name": name})
      </script>
    </make>
  </data>

  <mixinDef id="publish">
    <doc>
      Publishes a table to ivoa.obscore_hea, the ObsCore extension for high-energy data. Use it on tables that also have one of
      the //obscore mixins.

      Each parameter is an SQL expression over the table, as with //obscore#publish; what is left out is NULL. Give the
      same expression for obs_publisher_did here and in the obscore mixin, best a column with an index: the
      natural join then stays a fast nested loop.

      Run ``dachs imp rd/obscore_hea`` once before. As with //obscore, indexes of the table are used through the view where the
      type of the column is that of the extension's column.
    </doc>
    <LOOP>
      <codeItems>
        for col in context.getById("obscore_hea"):
          if col.name != "obs_publisher_did":
            yield {"name": col.name, "description": col.description}
      </codeItems>
      <events>
        <mixinPar name="\name" description="\description">NULL</mixinPar>
      </events>
    </LOOP>
    <mixinPar name="obs_publisher_did"
      description="The dataset's key in ivoa.obscore; must be the expression used there">obs_publisher_did</mixinPar>

    <events>
      <LOOP>
        <codeItems>
          yield {"clause": ",\n".join(
            r"CAST(\{name} AS {type}) AS {name}".format(**col.asInfoDict())
            for col in context.getById("obscore_hea"))}
        </codeItems>
        <events>
          <property name="obscore-hea-clause">\clause</property>
        </events>
      </LOOP>

      <script id="add-fragment" lang="python" type="afterMeta" name="add table to obscore_hea">
        clause = table.tableDef.expand(table.tableDef.getProperty("obscore-hea-clause"))
        from gavo import rsc
        sources = rsc.TableForDef(
          base.resolveCrossId("rd/obscore_hea#_obscore_hea_sources"), connection=table.connection)
        sources.addRow({"table_name": table.tableDef.getQName(),
          "sourcerd": table.tableDef.rd.sourceId,
          "sql_fragment": "SELECT %s FROM %s"%(clause, table.tableDef.getQName())})
      </script>

      <script original="rd/obscore_hea#create-view" name="create obscore_hea"/>

      <script lang="python" type="beforeDrop" name="remove table from obscore_hea">
        from gavo import rsc
        if table.getTableType("ivoa._obscore_hea_sources"):
          table.connection.execute("DELETE FROM ivoa._obscore_hea_sources WHERE table_name=%(name)s",
            {"name": table.tableDef.getQName()})
          rsc.makeData(base.resolveCrossId("rd/obscore_hea#create"), connection=table.connection)
          table.connection.commit()
      </script>
    </events>
  </mixinDef>

  <regSuite title="obscore_hea">
    <regTest title="obscore_hea has a row for each row of obscore">
      <url parSet="TAP" QUERY="SELECT COUNT(*) AS n FROM ivoa.obscore WHERE obs_publisher_did NOT IN (SELECT obs_publisher_did FROM ivoa.obscore_hea)">/tap/sync</url>
      <code>self.assertEqual(self.getFirstVOTableRow()["n"], 0)</code>
    </regTest>
    <regTest title="obscore_hea has no row twice">
      <url parSet="TAP" QUERY="SELECT COUNT(*) - COUNT(DISTINCT obs_publisher_did) AS n FROM ivoa.obscore_hea">/tap/sync</url>
      <code>self.assertEqual(self.getFirstVOTableRow()["n"], 0)</code>
    </regTest>
  </regSuite>
</resource>

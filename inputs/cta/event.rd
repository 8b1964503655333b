<?xml version="1.0" encoding="utf-8"?>
<resource schema="cta" resdir="cta">
  <meta name="creationDate">2026-11-20T09:30:00Z</meta>
  <meta name="title">Gamma-Ray Photons of the \getConfig{web}{siteName}</meta>
  <meta name="shortName">CTA events</meta>
  <meta name="description">One row for each event of the public event lists: when it came, from where, and with which energy, as
    reconstructed by the observatories. Collections say whether their events are here.</meta>
  <meta name="subject">gamma-ray-astronomy</meta>
  <meta name="subject">gamma-ray-telescopes</meta>
  <meta name="coverage.waveband">Gamma-ray</meta>
  <meta name="contentLevel">Research</meta>
  <meta name="type">Archive</meta>

  <table id="event_source" onDisk="True" adql="True" primary="obs_publisher_did">
    <meta name="title">Event lists that have their events in the database</meta>
    <meta name="table-rank">42</meta>
    <meta name="description">The event lists whose events are rows of cta.event, and how many there are.</meta>
    <meta name="_associatedDatalinkService">
      <meta name="serviceId">cta/dl#links</meta>
      <meta name="idColumn">obs_publisher_did</meta>
    </meta>
    <index columns="source_id"/>
    <index columns="partition_id"/>
    <column original="cta/q#dataset.obs_publisher_did"/>
    <column original="cta/q#dataset.obs_id" ucd="meta.id;obs"/>
    <column original="cta/q#dataset.obs_collection"/>
    <column name="n_events" type="bigint" required="True" ucd="meta.number;phys.particle"
      tablehead="Events" verbLevel="1"
      description="Number of its rows in cta.event"/>
    <column name="source_id" type="integer" required="True" ucd="meta.id;meta.main"
      tablehead="Number" verbLevel="30"
      description="Number of the event list in the database; changes when its events are loaded again"/>
    <column name="partition_id" type="integer" required="True" ucd="meta.id"
      tablehead="Partition" verbLevel="30"
      description="Number of the part of the table that has its events, the same for all of a collection"/>
    <column original="cta/q#dataset.fingerprint"/>
  </table>

  <table id="event" onDisk="True" adql="True">
    <meta name="title">Photon events</meta>
    <meta name="table-rank">22</meta>
    <meta name="description">One row for each event of the public event lists of those collections that have their events in the
      database. Events of proprietary data appear when their embargo ends. Most events are cosmic rays, not photons, as
      in the event lists themselves; event lists of the same observation in several collections give their events several times.
      Cones (by ra, dec) are quick everywhere, above 1 TeV most of all; of long spans of time or energy rather ask for
      counts.</meta>
    <meta name="_associatedDatalinkService">
      <meta name="serviceId">cta/dl#links</meta>
      <meta name="idColumn">obs_publisher_did</meta>
    </meta>
    <FEED source="rd/timesys#utc-mjd" column="event_time"/>
    <stc>Position ICRS "ra" "dec"</stc>
    <index columns="ra,dec" metaOnly="True"/>
    <index columns="energy" metaOnly="True"/>
    <index columns="event_time" metaOnly="True"/>
    <index columns="healpix" metaOnly="True"/>
    <index columns="obs_publisher_did" metaOnly="True"/>

    <column original="cta/q#dataset.obs_publisher_did" ucd="meta.ref.ivoid"
      description="The event list this event is in"/>
    <column original="cta/q#dataset.obs_id" ucd="meta.id;obs"/>
    <column original="cta/q#dataset.obs_collection"/>
    <column name="event_id" type="bigint" ucd="meta.id;meta.main"
      tablehead="Event" verbLevel="1"
      description="Number of the event in its observation (EVENT_ID)">
      <values nullLiteral="-1"/></column>
    <column name="event_time" type="double precision" unit="d" ucd="time.epoch"
      tablehead="Time (UTC)" verbLevel="1" displayHint="sf=9"
      description="When the event came, MJD UTC at the telescope; resolved to a microsecond (the file has the exact time)"/>
    <column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
      tablehead="RA" verbLevel="1" displayHint="sf=5"
      description="Reconstructed direction, ICRS right ascension"/>
    <column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
      tablehead="Dec" verbLevel="1" displayHint="sf=5"
      description="Reconstructed direction, ICRS declination"/>
    <column name="energy" type="real" unit="TeV" ucd="em.energy"
      tablehead="Energy" verbLevel="1" displayHint="sf=4"
      description="Reconstructed energy"/>
    <column name="event_type" type="integer" ucd="meta.code.class"
      tablehead="Type" verbLevel="10"
      description="Type of the event, as a number (EVENT_TYPE; the bits of a bit field read as a binary number)">
      <values nullLiteral="-1"/></column>
    <column name="multiplicity" type="smallint" ucd="meta.number;instr.tel"
      tablehead="Multiplicity" verbLevel="10"
      description="Number of telescopes that saw the event (MULTIP)">
      <values nullLiteral="-1"/></column>
    <column name="healpix" type="integer" ucd="pos.healpix"
      tablehead="HEALPix" verbLevel="15"
      description="HEALPix pixel of the direction: nested scheme, order 10, ICRS. Divide by 4 for each order less">
      <values nullLiteral="-1"/></column>

    <viewStatement>
      CREATE VIEW \qName AS (SELECT \colNames FROM \schema.event_row JOIN \schema.event_source
        USING (partition_id, source_id))
    </viewStatement>
  </table>

  <data id="tables" updating="True">
    <sources item="the tables themselves"/>
    <nullGrammar/>
    <make table="event_source">
      <!-- The rows are in tables that ingest.events makes and partitions. -->
      <script type="preImport" lang="python" name="make the tables behind the view">
        from ingest.dachs import ensure_event_tables
        ensure_event_tables(table)
      </script>
    </make>
  </data>

  <data id="view">
    <make table="event"/>
  </data>

  <!-- Loads the events of data whose embargo has ended since the last import. -->
  <data id="refresh" auto="False" updating="True">
    <sources item="linked collections"/>
    <customGrammar module="res/events_grammar"/>
    <make table="event"/>
  </data>

  <execute title="events of data that have become public" at="0:10">
    <job>
      <code>
        execDef.spawn(["/usr/bin/dachs", "imp", "cta/event", "refresh"])
      </code>
    </job>
  </execute>

  <regSuite title="cta/event">
    <regTest title="Events come with their observation, and in ICRS and UTC">
      <url parSet="TAP" QUERY="SELECT TOP 1 * FROM cta.event WHERE energy &gt; 1">/tap/sync</url>
      <code>self.assertHasStrings('timescale="UTC"', 'system="ICRS"', 'name="obs_publisher_did"', 'unit="TeV"')</code>
    </regTest>
    <regTest title="What is behind the view is nobody's business">
      <url parSet="TAP" QUERY="SELECT TOP 1 * FROM cta.event_row">/tap/sync</url>
      <code>self.assertHasStrings('value="ERROR"')</code>
    </regTest>
  </regSuite>
</resource>

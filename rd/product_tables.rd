<?xml version="1.0" encoding="utf-8"?>
<!-- Tables beside cta.dataset for what DL4 and DL5 products need. -->
<resource schema="cta">
  <STREAM id="tables">
    <doc>Tables for products: parts of datasets, sources of catalogues, and which dataset was made from which. To be fed
      into the RD that has the table dataset.</doc>

    <table id="part" onDisk="True" adql="True" primary="accref" forceUnique="False">
      <meta name="title">Parts of datasets</meta>
      <meta name="table-rank">45</meta>
      <meta name="description">Files that are delivered as parts of datasets, such as the background and the responses of
        counts spectra. cta.hdu_index (file_accref) says of which.</meta>
      <mixin>//products#table</mixin>
      <column name="part_publisher_did" type="text" ucd="meta.ref.ivoid"
        tablehead="Part" verbLevel="10"
        description="Identifier of the file"/>
      <column original="dataset.obs_collection"/>
      <column name="kind" type="text" ucd="meta.code.class"
        tablehead="Kind" verbLevel="1"
        description="What the file is: pha-background, arf or rmf"/>
      <column name="title" type="text" ucd="meta.title"
        tablehead="Title" verbLevel="1"
        description="Title"/>
      <column original="dataset.fingerprint"/>
    </table>

    <table id="source_all" onDisk="True" adql="False">
      <meta name="description">The sources of all catalogues, those of proprietary ones included: what cta.source
        shows a part of.</meta>
      <stc>Position ICRS "ra" "dec"</stc>
      <mixin>//scs#q3cindex</mixin>
      <index columns="obs_publisher_did"/>
      <index columns="name"/>
      <column name="source_id" type="text" ucd="meta.id;meta.main"
        tablehead="Id" verbLevel="10"
        description="Identifier in this archive: catalogue and row"/>
      <column name="name" type="text" ucd="meta.id"
        tablehead="Name" verbLevel="1"
        description="Name of the source in the catalogue"/>
      <column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main"
        tablehead="RA" verbLevel="1" displayHint="sf=4"
        description="Right ascension (ICRS)"/>
      <column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main"
        tablehead="Dec" verbLevel="1" displayHint="sf=4"
        description="Declination (ICRS)"/>
      <column name="glon" type="double precision" unit="deg" ucd="pos.galactic.lon"
        tablehead="l" verbLevel="15" displayHint="sf=4"
        description="Galactic longitude"/>
      <column name="glat" type="double precision" unit="deg" ucd="pos.galactic.lat"
        tablehead="b" verbLevel="15" displayHint="sf=4"
        description="Galactic latitude"/>
      <column name="pos_err" type="double precision" unit="deg" ucd="stat.error;pos.eq"
        tablehead="Pos. error" verbLevel="15" displayHint="sf=3"
        description="Error of the position, as the catalogue defines it"/>
      <column name="extension" type="double precision" unit="deg" ucd="phys.angSize"
        tablehead="Extension" verbLevel="5" displayHint="sf=3"
        description="Extension, as the catalogue defines it; NULL for point-like sources"/>
      <column name="source_class" type="text" ucd="src.class"
        tablehead="Class" verbLevel="5"
        description="Class of the source in the catalogue's own words"/>
      <column name="dnde" type="double precision" unit="cm**-2.s**-1.TeV**-1" ucd="phot.flux.density;em.gamma"
        tablehead="dN/dE" verbLevel="5" displayHint="sf=3"
        description="Differential flux at e_ref"/>
      <column name="dnde_err" type="double precision" unit="cm**-2.s**-1.TeV**-1"
        ucd="stat.error;phot.flux.density;em.gamma"
        tablehead="Err. dN/dE" verbLevel="15" displayHint="sf=3"
        description="Statistical error of the differential flux"/>
      <column name="e_ref" type="double precision" unit="TeV" ucd="em.energy"
        tablehead="E ref." verbLevel="5" displayHint="sf=3"
        description="Energy at which the differential flux is given"/>
      <column name="spectral_index" type="double precision" ucd="spect.index"
        tablehead="Index" verbLevel="5" displayHint="sf=2"
        description="Photon index: dN/dE falls with energy to the power of its negative"/>
      <column name="significance" type="double precision" ucd="stat.snr"
        tablehead="Sign." verbLevel="5" displayHint="sf=1"
        description="Significance in standard deviations, or the square root of the test statistic"/>
      <column name="row_number" type="integer" required="True" ucd="meta.record"
        tablehead="Row" verbLevel="20"
        description="Row of the catalogue's file, counted from 1"/>
      <column original="dataset.obs_collection"/>
      <column name="catalogue" type="text" ucd="meta.id"
        tablehead="Catalogue" verbLevel="1"
        description="Name of the catalogue's file"/>
      <column original="dataset.obs_publisher_did" ucd="meta.ref.ivoid"
        description="The catalogue as a dataset"/>
      <column original="dataset.owner"/>
      <column original="dataset.embargo"/>
    </table>

    <table id="source" onDisk="True" adql="True">
      <meta name="title">Sources of catalogues</meta>
      <meta name="table-rank">35</meta>
      <meta name="description">The sources of all public catalogues in the archive, one row a source and catalogue, with what
        catalogues have in common. The catalogues themselves are datasets.</meta>
      <meta name="_associatedDatalinkService">
        <meta name="serviceId">cta/dl#links</meta>
        <meta name="idColumn">obs_publisher_did</meta>
      </meta>
      <stc>Position ICRS "ra" "dec"</stc>
      <LOOP listItems="source_id name ra dec glon glat pos_err extension source_class dnde dnde_err e_ref spectral_index
          significance row_number obs_collection catalogue obs_publisher_did">
        <events><column original="source_all.\item"/></events>
      </LOOP>
      <index columns="ra" metaOnly="True"/>
      <index columns="dec" metaOnly="True"/>
      <index columns="name" metaOnly="True"/>
      <index columns="obs_publisher_did" metaOnly="True"/>
      <viewStatement>
        CREATE VIEW \\qName AS (SELECT \\colNames FROM \\schema.source_all
          WHERE owner IS NULL OR embargo IS NULL OR embargo &lt;= CURRENT_DATE)
      </viewStatement>
    </table>

    <table id="derivation" onDisk="True" adql="True">
      <meta name="title">Derivations</meta>
      <meta name="table-rank">50</meta>
      <meta name="description">Which dataset was made from which, as the listings of the collections say; DL0 to DL2 files
        are listed and not served.</meta>
      <index columns="obs_publisher_did"/>
      <index columns="progenitor_did"/>
      <index columns="collection"/>
      <column name="collection" type="text" ucd="meta.id"
        tablehead="Collection" verbLevel="10"
        description="Name of the collection"/>
      <column original="dataset.obs_publisher_did" ucd="meta.ref.ivoid"/>
      <column name="progenitor_did" type="text" ucd="meta.ref.ivoid"
        tablehead="From" verbLevel="1"
        description="A dataset it was made from"/>
    </table>
  </STREAM>
</resource>

<?xml version="1.0" encoding="utf-8"?>
<!-- Feeds synthetic observations, in the archive's way and in DaCHS's own. -->
<resource schema="bench" resdir="bench">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">Benchmark</meta>
  <meta name="description">Synthetic observations.</meta>
  <meta name="subject">astronomy-web-services</meta>

  <table id="fed" onDisk="True" primary="accref">
    <LOOP>
      <codeItems>
        from gavo import base
        for column in base.resolveCrossId("cta/q#dataset").columns:
          yield {"item": column.name}
      </codeItems>
      <events><column original="cta/q#dataset.\item"/></events>
    </LOOP>
  </table>

  <!-- Rows by COPY into the archive's tables, as the import does it. -->
  <data id="copied" updating="True" auto="False">
    <sources item="synthetic"/>
    <customGrammar module="copied_grammar"/>
    <make table="cta/q#dataset"/>
  </data>

  <!-- The same rows of cta.dataset, one after the other through rowmaker and feeder, into a table without secondary indexes. -->
  <data id="fed-rows" auto="False">
    <sources item="synthetic"/>
    <customGrammar module="fed_grammar"/>
    <make table="fed"><rowmaker idmaps="*"/></make>
  </data>
</resource>

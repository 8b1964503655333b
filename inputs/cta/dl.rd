<?xml version="1.0" encoding="utf-8"?>
<resource schema="cta" resdir="cta">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">DataLink and Cut-Outs for Gamma-Ray Observations</meta>
  <meta name="shortName">CTA links</meta>
  <meta name="description">What belongs to a dataset: the file, its responses, pictures, the documents of its collection, and services
    that cut it out or pack it up.</meta>
  <meta name="subject">gamma-ray-astronomy</meta>
  <meta name="subject">gamma-ray-telescopes</meta>
  <meta name="coverage.waveband">Gamma-ray</meta>

  <service id="links" allowed="dlmeta">
    <meta name="title">Links of gamma-ray datasets</meta>
    <meta name="description">The links of datasets (DataLink 1.1): files, responses, previews, packages, cut-out services,
      documents. ID may be repeated.</meta>
    <!-- DaCHS's own would refuse the very type that is answered. -->
    <inputKey name="responseformat" type="text" multiplicity="single" ucd="meta.code.mime" std="True"
      description="votable or application/x-votable+xml, which is what comes anyway"/>
    <customCore module="res/links_core"/>
  </service>

  <service id="soda" allowed="dlget,async">
    <meta name="title">\getConfig{web}{siteName}: Cut-Outs of Event Lists and Maps</meta>
    <meta name="shortName">CTA SODA</meta>
    <meta name="description">Keeps of an event list the events in a region, a span of time and a range of energies (SODA 1.0, with ENERGY in
      TeV, EVENT_TYPE and RESPONSES besides). Good time intervals and live-time follow; responses come along. Of images and cubes it keeps the pixels around a region and
      the planes of a range of energies. The asynchronous
      service takes several identifiers and regions and makes one result for each combination.</meta>
    <meta name="dateUpdated">2026-11-20T06:00:00Z</meta>
    <publish render="dlget" sets="ivo_managed"/>
    <!-- DaCHS's own would take one value, and refuse formats in its own words. -->
    <inputKey name="responseformat" type="text" multiplicity="multiple" ucd="meta.code.mime"
      description="application/fits or application/x-votable+xml"/>
    <customCore module="res/soda_core"/>
  </service>

  <!-- DaCHS starts waiting jobs once a minute only. -->
  <execute every="3" title="start waiting cut-out jobs">
    <job>
      <code>
        rd.getById("soda").getUWS()._processQueue()
      </code>
    </job>
  </execute>

  <service id="package" allowed="dlget">
    <meta name="title">Packages of gamma-ray datasets</meta>
    <meta name="description">Datasets with their responses, index tables that gammapy opens, terms and a description as a tar archive, by
      identifiers (ID, repeatable) or by an ADQL query that selects obs_publisher_did (QUERY).</meta>
    <customCore module="res/package_core"/>
  </service>

  <service id="preview" allowed="dlget">
    <meta name="title">Previews of gamma-ray datasets</meta>
    <meta name="description">Pictures of event lists and products: KIND is sky, plot or thumbnail.</meta>
    <customCore module="res/preview_core"/>
  </service>

  <service id="table" allowed="dlget">
    <meta name="title">Gamma-ray products as VOTables</meta>
    <meta name="description">Flux points and counts spectra (in the terms of the Spectral Data Model) and light curves as VOTables. KIND is
      points, or e2dnde for flux points as energy times flux.</meta>
    <customCore module="res/table_core"/>
  </service>

  <service id="header" allowed="dlget">
    <meta name="title">FITS headers of gamma-ray datasets</meta>
    <meta name="description">All FITS headers of a file, as text.</meta>
    <customCore module="res/header_core"/>
  </service>

  <regSuite title="cta/dl">
    <regTest title="An unknown dataset is a fault row, not an error">
      <url ID="ivo://\getConfig{ivoa}{authority}/~?cta/data/none/none.fits">links/dlmeta</url>
      <code>self.assertHasStrings("NotFoundFault", "#this")</code>
    </regTest>
    <regTest title="Files outside of the archive's data are not linked">
      <url ID="ivo://\getConfig{ivoa}{authority}/~?etc/passwd">links/dlmeta</url>
      <code>self.assertHasStrings("NotFoundFault")</code>
    </regTest>
    <regTest title="Without an identifier the service describes itself">
      <url>links/dlmeta</url>
      <code>self.assertHasStrings("adhoc:service", "links-1.1")</code>
    </regTest>
  </regSuite>
</resource>

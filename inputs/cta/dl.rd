<?xml version="1.0" encoding="utf-8"?>
<resource schema="cta" resdir="cta">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">DataLink for Gamma-Ray Observations</meta>
  <meta name="shortName">CTA links</meta>
  <meta name="description">What belongs to a dataset: the file, its responses, the documents of its collection.</meta>
  <meta name="subject">gamma-ray-astronomy</meta>

  <service id="links" allowed="dlmeta,dlget">
    <meta name="title">Links of gamma-ray datasets</meta>
    <datalinkCore>
      <descriptorGenerator procDef="//soda#fromStandardPubDID">
        <bind key="accrefPrefix">'cta/data/'</bind>
        <setup>
          <code>
            from datalink.links import complete_descriptor as addExtras
          </code>
        </setup>
      </descriptorGenerator>
      <metaMaker semantics="#calibration">
        <setup>
          <code>
            from datalink.links import calibration_links
          </code>
        </setup>
        <code>
          yield from calibration_links(descriptor)
        </code>
      </metaMaker>
      <metaMaker semantics="#documentation">
        <setup>
          <code>
            from datalink.links import documentation_links
          </code>
        </setup>
        <code>
          yield from documentation_links(descriptor)
        </code>
      </metaMaker>
    </datalinkCore>
  </service>

  <regSuite title="cta/dl">
    <regTest title="An unknown dataset is a fault row, not an error">
      <url ID="ivo://\getConfig{ivoa}{authority}/~?cta/data/none/none.fits">links/dlmeta</url>
      <code>self.assertHasStrings("NotFoundFault", "#this")</code>
    </regTest>
    <regTest title="Files outside of the archive's data are not linked">
      <url ID="ivo://\getConfig{ivoa}{authority}/~?etc/passwd">links/dlmeta</url>
      <code>self.assertHasStrings("Fault")</code>
    </regTest>
  </regSuite>
</resource>

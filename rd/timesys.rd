<?xml version="1.0" encoding="utf-8"?>
<resource schema="cta" resdir=".">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">Time system declarations</meta>
  <meta name="description">Streams that make VOTables declare the time scale of a column.</meta>
  <meta name="subject">time</meta>

  <STREAM id="utc-mjd">
    <doc>Declares a column of a table as MJD in UTC at the telescope (TIMESYS, VOTable 1.4); pass its name as
      ``column``.</doc>
    <dm>
      (votable:Coords) {
        time: {
          frame: {
            timescale: UTC
            refPosition: TOPOCENTER
            time0: MJD-origin
          }
          location: @\column
        }
      }
    </dm>
  </STREAM>

  <STREAM id="tt-mjd">
    <doc>Declares a column of a table as MJD in TT at the telescope (TIMESYS, VOTable 1.4); pass its name as
      ``column``.</doc>
    <dm>
      (votable:Coords) {
        time: {
          frame: {
            timescale: TT
            refPosition: TOPOCENTER
            time0: MJD-origin
          }
          location: @\column
        }
      }
    </dm>
  </STREAM>
</resource>

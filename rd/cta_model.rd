<?xml version="1.0" encoding="utf-8"?>
<!-- Generated from model/cta.vo-dml.xml by `make model`; do not edit. -->
<resource schema="cta" resdir=".">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">The CTA data model of this archive</meta>
  <meta name="description">What an archive of Cherenkov telescope data knows beyond files: arrays, telescopes, configurations, proposals, plans, observations and runs</meta>
  <meta name="subject">gamma-ray-astronomy</meta>

  <STREAM id="tables">
    <doc>The tables of the data model, those that others refer to first.</doc>

    <table id="observatory" onDisk="True" adql="True" primary="observatory_id">
      <meta name="title">Observatory</meta>
      <meta name="table-rank">100</meta>
      <meta name="description">An organisation that observes with arrays of telescopes.</meta>
      <meta name="utype">cta:Observatory</meta>
      <index columns="collection"/>
      <column name="observatory_id" type="text" ucd="meta.id;meta.main" utype="cta:Observatory" required="True"
        tablehead="Observatory id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="name" type="text" ucd="meta.id;instr.tel;meta.main" utype="cta:Observatory.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name, as facility_name in ObsCore"/>
      <column name="description" type="text" ucd="meta.note" utype="cta:Observatory.description"
        tablehead="Description" verbLevel="10"
        description="What the observatory is"/>
      <column name="reference_url" type="text" ucd="meta.ref.url" utype="cta:Observatory.reference_url"
        tablehead="Reference url" verbLevel="10"
        description="Where to read more"/>
    </table>

    <table id="site_array" onDisk="True" adql="True" primary="site_array_id">
      <meta name="title">Site array</meta>
      <meta name="table-rank">101</meta>
      <meta name="description">An array of telescopes at one site.</meta>
      <meta name="utype">cta:SiteArray</meta>
      <foreignKey source="observatory_id" inTable="observatory" dest="observatory_id"/>
      <index columns="collection"/>
      <index columns="observatory_id"/>
      <index columns="name"/>
      <index columns="site"/>
      <column name="site_array_id" type="text" ucd="meta.id;meta.main" utype="cta:SiteArray" required="True"
        tablehead="Site array id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="observatory_id" type="text" ucd="meta.ref" utype="cta:Observatory.site_array" required="True"
        tablehead="Observatory id" verbLevel="1"
        description="Observatory, as observatory_id in cta.observatory"/>
      <column name="name" type="text" ucd="meta.id;instr.tel;meta.main" utype="cta:SiteArray.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name, as at the beginning of instrument_name in ObsCore"/>
      <column name="site" type="text" ucd="meta.code;pos.earth" utype="cta:SiteArray.site"
        tablehead="Site" verbLevel="10"
        description="Site of CTAO: North or South"><values><option>North</option><option>South</option></values></column>
      <column name="latitude" type="double precision" unit="deg" ucd="pos.earth.lat" utype="cta:SiteArray.latitude"
        tablehead="Latitude" verbLevel="10"
        description="Geodetic latitude of the centre, WGS84"/>
      <column name="longitude" type="double precision" unit="deg" ucd="pos.earth.lon" utype="cta:SiteArray.longitude"
        tablehead="Longitude" verbLevel="10"
        description="Longitude of the centre, WGS84, east positive"/>
      <column name="altitude" type="double precision" unit="m" ucd="pos.earth.altitude" utype="cta:SiteArray.altitude"
        tablehead="Altitude" verbLevel="10"
        description="Height of the centre above sea level"/>
    </table>

    <table id="camera" onDisk="True" adql="True" primary="camera_id">
      <meta name="title">Camera</meta>
      <meta name="table-rank">102</meta>
      <meta name="description">A type of camera.</meta>
      <meta name="utype">cta:Camera</meta>
      <index columns="collection"/>
      <column name="camera_id" type="text" ucd="meta.id;meta.main" utype="cta:Camera" required="True"
        tablehead="Camera id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="name" type="text" ucd="meta.id;instr.det;meta.main" utype="cta:Camera.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name"/>
      <column name="n_pixels" type="integer" ucd="meta.number;instr.pixel" utype="cta:Camera.n_pixels"
        tablehead="N pixels" verbLevel="10"
        description="Number of pixels"><values nullLiteral="-2147483648"/></column>
      <column name="pixel_size" type="double precision" unit="mm" ucd="phys.size;instr.pixel" utype="cta:Camera.pixel_size"
        tablehead="Pixel size" verbLevel="10"
        description="Distance of opposite sides of a pixel"/>
      <column name="field_of_view" type="double precision" unit="deg" ucd="phys.angSize;instr.fov" utype="cta:Camera.field_of_view"
        tablehead="Field of view" verbLevel="10"
        description="Diameter of the field of view"/>
      <column name="resolution" type="double precision" unit="deg" ucd="pos.angResolution;instr.pixel" utype="cta:Camera.resolution"
        tablehead="Resolution" verbLevel="10"
        description="Angle on the sky seen by one pixel"/>
    </table>

    <table id="telescope" onDisk="True" adql="True" primary="telescope_id">
      <meta name="title">Telescope</meta>
      <meta name="table-rank">103</meta>
      <meta name="description">A telescope.</meta>
      <meta name="utype">cta:Telescope</meta>
      <foreignKey source="site_array_id" inTable="site_array" dest="site_array_id"/>
      <foreignKey source="camera_id" inTable="camera" dest="camera_id"/>
      <index columns="collection"/>
      <index columns="site_array_id"/>
      <index columns="camera_id"/>
      <index columns="name"/>
      <index columns="telescope_class"/>
      <column name="telescope_id" type="text" ucd="meta.id;meta.main" utype="cta:Telescope" required="True"
        tablehead="Telescope id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="site_array_id" type="text" ucd="meta.ref" utype="cta:SiteArray.telescope" required="True"
        tablehead="Site array id" verbLevel="1"
        description="SiteArray, as site_array_id in cta.site_array"/>
      <column name="name" type="text" ucd="meta.id;instr.tel;meta.main" utype="cta:Telescope.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name, unique in its array"/>
      <column name="tel_id" type="text" ucd="meta.id;instr.tel" utype="cta:Telescope.tel_id"
        tablehead="Tel id" verbLevel="10"
        description="What the telescope is called in lists of telescopes (TELLIST of DL3 files)"/>
      <column name="telescope_class" type="text" ucd="meta.code.class;instr.tel" utype="cta:Telescope.telescope_class"
        tablehead="Telescope class" verbLevel="10"
        description="Size: LST, MST or SST"><values><option>LST</option><option>MST</option><option>SST</option></values></column>
      <column name="position_x" type="double precision" unit="m" ucd="pos.cartesian.x" utype="cta:Telescope.position.x"
        tablehead="Position x" verbLevel="10"
        description="towards north"/>
      <column name="position_y" type="double precision" unit="m" ucd="pos.cartesian.y" utype="cta:Telescope.position.y"
        tablehead="Position y" verbLevel="10"
        description="towards west"/>
      <column name="mirror_area" type="double precision" unit="m2" ucd="phys.area;instr.tel" utype="cta:Telescope.mirror_area"
        tablehead="Mirror area" verbLevel="10"
        description="Area of the mirror"/>
      <column name="field_of_view" type="double precision" unit="deg" ucd="phys.angSize;instr.fov" utype="cta:Telescope.field_of_view"
        tablehead="Field of view" verbLevel="10"
        description="Diameter of the field of view"/>
      <column name="f_number" type="double precision" ucd="instr.param" utype="cta:Telescope.f_number"
        tablehead="F number" verbLevel="10"
        description="Focal length divided by the diameter of the mirror"/>
      <column name="focal_length" type="double precision" unit="m" ucd="instr.tel.focalLength" utype="cta:Telescope.focal_length"
        tablehead="Focal length" verbLevel="10"
        description="Focal length"/>
      <column name="camera_id" type="text" ucd="meta.ref" utype="cta:Telescope.camera"
        tablehead="Camera id" verbLevel="10"
        description="Camera in its focus, as camera_id in cta.camera"/>
    </table>

    <table id="trigger_unit" onDisk="True" adql="True" primary="trigger_unit_id">
      <meta name="title">Trigger unit</meta>
      <meta name="table-rank">104</meta>
      <meta name="description">A unit that decides whether a camera is read out.</meta>
      <meta name="utype">cta:TriggerUnit</meta>
      <foreignKey source="camera_id" inTable="camera" dest="camera_id"/>
      <index columns="collection"/>
      <index columns="camera_id"/>
      <column name="trigger_unit_id" type="text" ucd="meta.id;meta.main" utype="cta:TriggerUnit" required="True"
        tablehead="Trigger unit id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="camera_id" type="text" ucd="meta.ref" utype="cta:Camera.trigger_unit" required="True"
        tablehead="Camera id" verbLevel="1"
        description="Camera, as camera_id in cta.camera"/>
      <column name="name" type="text" ucd="meta.id;instr.det;meta.main" utype="cta:TriggerUnit.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name, unique in its camera"/>
      <column name="n_sectors" type="integer" ucd="meta.number;instr.det" utype="cta:TriggerUnit.n_sectors"
        tablehead="N sectors" verbLevel="10"
        description="Number of sectors"><values nullLiteral="-2147483648"/></column>
      <column name="threshold" type="double precision" ucd="instr.param;stat.min" utype="cta:TriggerUnit.threshold"
        tablehead="Threshold" verbLevel="10"
        description="Threshold in photo-electrons"/>
    </table>

    <table id="auxiliary_instrument" onDisk="True" adql="True" primary="auxiliary_instrument_id">
      <meta name="title">Auxiliary instrument</meta>
      <meta name="table-rank">105</meta>
      <meta name="description">An instrument that watches the conditions of observation.</meta>
      <meta name="utype">cta:AuxiliaryInstrument</meta>
      <foreignKey source="site_array_id" inTable="site_array" dest="site_array_id"/>
      <index columns="collection"/>
      <index columns="site_array_id"/>
      <column name="auxiliary_instrument_id" type="text" ucd="meta.id;meta.main" utype="cta:AuxiliaryInstrument" required="True"
        tablehead="Auxiliary instrument id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="site_array_id" type="text" ucd="meta.ref" utype="cta:SiteArray.auxiliary_instrument" required="True"
        tablehead="Site array id" verbLevel="1"
        description="SiteArray, as site_array_id in cta.site_array"/>
      <column name="name" type="text" ucd="meta.id;instr;meta.main" utype="cta:AuxiliaryInstrument.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name, unique at its site"/>
      <column name="instrument_type" type="text" ucd="meta.code.class;instr" utype="cta:AuxiliaryInstrument.instrument_type"
        tablehead="Instrument type" verbLevel="10"
        description="Kind of instrument, such as LIDAR, weather station, all-sky camera"/>
      <column name="description" type="text" ucd="meta.note" utype="cta:AuxiliaryInstrument.description"
        tablehead="Description" verbLevel="10"
        description="What it measures"/>
    </table>

    <table id="array_configuration" onDisk="True" adql="True" primary="array_configuration_id">
      <meta name="title">Array configuration</meta>
      <meta name="table-rank">106</meta>
      <meta name="description">A layout of an array: which telescopes it has.</meta>
      <meta name="utype">cta:ArrayConfiguration</meta>
      <foreignKey source="site_array_id" inTable="site_array" dest="site_array_id"/>
      <index columns="collection"/>
      <index columns="site_array_id"/>
      <column name="array_configuration_id" type="text" ucd="meta.id;meta.main" utype="cta:ArrayConfiguration" required="True"
        tablehead="Array configuration id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="site_array_id" type="text" ucd="meta.ref" utype="cta:SiteArray.array_configuration" required="True"
        tablehead="Site array id" verbLevel="1"
        description="SiteArray, as site_array_id in cta.site_array"/>
      <column name="name" type="text" ucd="meta.id;instr.setup;meta.main" utype="cta:ArrayConfiguration.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name, unique in its array"/>
      <column name="version" type="text" ucd="meta.version" utype="cta:ArrayConfiguration.version"
        tablehead="Version" verbLevel="10"
        description="Version"/>
      <column name="description" type="text" ucd="meta.note" utype="cta:ArrayConfiguration.description"
        tablehead="Description" verbLevel="10"
        description="What is particular about it"/>
      <column name="valid_from" type="timestamp" ucd="time.start" utype="cta:ArrayConfiguration.valid_from"
        tablehead="Valid from" verbLevel="10"
        description="First day"/>
      <column name="valid_to" type="timestamp" ucd="time.end" utype="cta:ArrayConfiguration.valid_to"
        tablehead="Valid to" verbLevel="10"
        description="Last day"/>
    </table>

    <table id="array_configuration_telescope" onDisk="True" adql="True" primary="array_configuration_id,telescope_id">
      <meta name="title">Array configuration telescope</meta>
      <meta name="table-rank">107</meta>
      <meta name="description">Telescopes it has: which ArrayConfiguration has which Telescope.</meta>
      <foreignKey source="array_configuration_id" inTable="array_configuration" dest="array_configuration_id"/>
      <foreignKey source="telescope_id" inTable="telescope" dest="telescope_id"/>
      <index columns="collection"/>
      <index columns="telescope_id"/>
      <column name="array_configuration_id" type="text" ucd="meta.ref" utype="cta:ArrayConfiguration" required="True"
        tablehead="Array configuration id" verbLevel="1"
        description="ArrayConfiguration, as array_configuration_id in cta.array_configuration"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="telescope_id" type="text" ucd="meta.ref" utype="cta:ArrayConfiguration.telescope" required="True"
        tablehead="Telescope id" verbLevel="1"
        description="Telescopes it has, as telescope_id in cta.telescope"/>
    </table>

    <table id="sub_array" onDisk="True" adql="True" primary="sub_array_id">
      <meta name="title">Sub array</meta>
      <meta name="table-rank">108</meta>
      <meta name="description">A group of telescopes that observe together.</meta>
      <meta name="utype">cta:SubArray</meta>
      <foreignKey source="site_array_id" inTable="site_array" dest="site_array_id"/>
      <foreignKey source="array_configuration_id" inTable="array_configuration" dest="array_configuration_id"/>
      <index columns="collection"/>
      <index columns="site_array_id"/>
      <index columns="array_configuration_id"/>
      <index columns="name"/>
      <index columns="n_lst"/>
      <index columns="n_mst"/>
      <index columns="n_sst"/>
      <column name="sub_array_id" type="text" ucd="meta.id;meta.main" utype="cta:SubArray" required="True"
        tablehead="Sub array id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="site_array_id" type="text" ucd="meta.ref" utype="cta:SiteArray.sub_array" required="True"
        tablehead="Site array id" verbLevel="1"
        description="SiteArray, as site_array_id in cta.site_array"/>
      <column name="name" type="text" ucd="meta.id;instr.setup;meta.main" utype="cta:SubArray.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name, unique in its array; the list of telescopes where nobody gave it a name"/>
      <column name="description" type="text" ucd="meta.note" utype="cta:SubArray.description"
        tablehead="Description" verbLevel="10"
        description="What the group is for"/>
      <column name="n_tels" type="integer" ucd="meta.number;instr.tel" utype="cta:SubArray.n_tels"
        tablehead="N tels" verbLevel="10"
        description="Number of telescopes"><values nullLiteral="-2147483648"/></column>
      <column name="tellist" type="text" ucd="meta.id;instr.tel" utype="cta:SubArray.tellist"
        tablehead="Tellist" verbLevel="10"
        description="Telescopes by tel_id, separated by commas"/>
      <column name="n_lst" type="integer" ucd="meta.number;instr.tel" utype="cta:SubArray.n_lst"
        tablehead="N lst" verbLevel="10"
        description="Number of large-sized telescopes; NULL if the class of a telescope is not known"><values nullLiteral="-2147483648"/></column>
      <column name="n_mst" type="integer" ucd="meta.number;instr.tel" utype="cta:SubArray.n_mst"
        tablehead="N mst" verbLevel="10"
        description="Number of medium-sized telescopes; NULL if the class of a telescope is not known"><values nullLiteral="-2147483648"/></column>
      <column name="n_sst" type="integer" ucd="meta.number;instr.tel" utype="cta:SubArray.n_sst"
        tablehead="N sst" verbLevel="10"
        description="Number of small-sized telescopes; NULL if the class of a telescope is not known"><values nullLiteral="-2147483648"/></column>
      <column name="field_of_view" type="double precision" unit="deg" ucd="phys.angSize;instr.fov" utype="cta:SubArray.field_of_view"
        tablehead="Field of view" verbLevel="10"
        description="Diameter of the field of view with useful sensitivity"/>
      <column name="energy_min" type="double precision" unit="TeV" ucd="em.energy;stat.min" utype="cta:SubArray.energy_min"
        tablehead="Energy min" verbLevel="10"
        description="Lowest energy the group is used for"/>
      <column name="energy_max" type="double precision" unit="TeV" ucd="em.energy;stat.max" utype="cta:SubArray.energy_max"
        tablehead="Energy max" verbLevel="10"
        description="Highest energy the group is used for"/>
      <column name="array_configuration_id" type="text" ucd="meta.ref" utype="cta:SubArray.array_configuration"
        tablehead="Array configuration id" verbLevel="10"
        description="Layout it is part of, as array_configuration_id in cta.array_configuration"/>
    </table>

    <table id="sub_array_telescope" onDisk="True" adql="True" primary="sub_array_id,telescope_id">
      <meta name="title">Sub array telescope</meta>
      <meta name="table-rank">109</meta>
      <meta name="description">Telescopes of the group: which SubArray has which Telescope.</meta>
      <foreignKey source="sub_array_id" inTable="sub_array" dest="sub_array_id"/>
      <foreignKey source="telescope_id" inTable="telescope" dest="telescope_id"/>
      <index columns="collection"/>
      <index columns="telescope_id"/>
      <column name="sub_array_id" type="text" ucd="meta.ref" utype="cta:SubArray" required="True"
        tablehead="Sub array id" verbLevel="1"
        description="SubArray, as sub_array_id in cta.sub_array"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="telescope_id" type="text" ucd="meta.ref" utype="cta:SubArray.telescope" required="True"
        tablehead="Telescope id" verbLevel="1"
        description="Telescopes of the group, as telescope_id in cta.telescope"/>
    </table>

    <table id="atmosphere" onDisk="True" adql="True" primary="atmosphere_id">
      <meta name="title">Atmosphere</meta>
      <meta name="table-rank">110</meta>
      <meta name="description">A model of the air above a site.</meta>
      <meta name="utype">cta:Atmosphere</meta>
      <foreignKey source="site_array_id" inTable="site_array" dest="site_array_id"/>
      <index columns="collection"/>
      <index columns="site_array_id"/>
      <column name="atmosphere_id" type="text" ucd="meta.id;meta.main" utype="cta:Atmosphere" required="True"
        tablehead="Atmosphere id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="site_array_id" type="text" ucd="meta.ref" utype="cta:SiteArray.atmosphere" required="True"
        tablehead="Site array id" verbLevel="1"
        description="SiteArray, as site_array_id in cta.site_array"/>
      <column name="name" type="text" ucd="meta.id;obs.atmos;meta.main" utype="cta:Atmosphere.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name, unique at its site"/>
      <column name="description" type="text" ucd="meta.note" utype="cta:Atmosphere.description"
        tablehead="Description" verbLevel="10"
        description="When and what it is used for"/>
      <column name="profile" type="text" ucd="meta.id;obs.atmos" utype="cta:Atmosphere.profile"
        tablehead="Profile" verbLevel="10"
        description="Name of the molecular profile"/>
      <column name="aerosol_optical_depth" type="double precision" ucd="phys.absorption.opticalDepth;obs.atmos" utype="cta:Atmosphere.aerosol_optical_depth"
        tablehead="Aerosol optical depth" verbLevel="10"
        description="Optical depth of the aerosols from the ground up, at 355 nm"/>
    </table>

    <table id="target" onDisk="True" adql="True" primary="target_id">
      <meta name="title">Target</meta>
      <meta name="table-rank">111</meta>
      <meta name="description">What is observed.</meta>
      <meta name="utype">cta:Target</meta>
      <index columns="collection"/>
      <index columns="name"/>
      <index name="lower_target_name" columns="name">lower(name)</index>
      <index columns="target_class"/>
      <index name="q3c_target" kind="q3c"><columns>ra,dec</columns>q3c_ang2ipix(ra,dec)</index>
      <column name="target_id" type="text" ucd="meta.id;meta.main" utype="cta:Target" required="True"
        tablehead="Target id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="name" type="text" ucd="meta.id;src;meta.main" utype="cta:Target.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name"/>
      <column name="description" type="text" ucd="meta.note;src" utype="cta:Target.description"
        tablehead="Description" verbLevel="10"
        description="What it is"/>
      <column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main" utype="cta:Target.ra"
        tablehead="Ra" verbLevel="10"
        description="Right ascension"/>
      <column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main" utype="cta:Target.dec"
        tablehead="Dec" verbLevel="10"
        description="Declination"/>
      <column name="epoch" type="double precision" unit="yr" ucd="time.epoch;pos" utype="cta:Target.epoch"
        tablehead="Epoch" verbLevel="10"
        description="Epoch of the position, Julian year"/>
      <column name="frame" type="text" ucd="pos.frame" utype="cta:Target.frame"
        tablehead="Frame" verbLevel="10"
        description="Reference frame of the position"/>
      <column name="target_class" type="text" ucd="src.class" utype="cta:Target.target_class"
        tablehead="Target class" verbLevel="10"
        description="Class of object, in SIMBAD's terms"/>
    </table>

    <table id="scientific_project" onDisk="True" adql="True" primary="scientific_project_id">
      <meta name="title">Scientific project</meta>
      <meta name="table-rank">112</meta>
      <meta name="description">A project that proposals belong to.</meta>
      <meta name="utype">cta:ScientificProject</meta>
      <index columns="collection"/>
      <column name="scientific_project_id" type="text" ucd="meta.id;meta.main" utype="cta:ScientificProject" required="True"
        tablehead="Scientific project id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="name" type="text" ucd="meta.id;obs.proposal;meta.main" utype="cta:ScientificProject.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name"/>
      <column name="title" type="text" ucd="meta.title;obs.proposal" utype="cta:ScientificProject.title"
        tablehead="Title" verbLevel="10"
        description="Title"/>
      <column name="description" type="text" ucd="meta.note" utype="cta:ScientificProject.description"
        tablehead="Description" verbLevel="10"
        description="What it is after"/>
    </table>

    <table id="observing_proposal" onDisk="True" adql="True" primary="observing_proposal_id">
      <meta name="title">Observing proposal</meta>
      <meta name="table-rank">113</meta>
      <meta name="description">A proposal for observations.</meta>
      <meta name="utype">cta:ObservingProposal</meta>
      <foreignKey source="scientific_project_id" inTable="scientific_project" dest="scientific_project_id"/>
      <index columns="collection"/>
      <index columns="scientific_project_id"/>
      <index columns="identifier"/>
      <index columns="pi_name"/>
      <index columns="category"/>
      <column name="observing_proposal_id" type="text" ucd="meta.id;meta.main" utype="cta:ObservingProposal" required="True"
        tablehead="Observing proposal id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="identifier" type="text" ucd="meta.id;obs.proposal;meta.main" utype="cta:ObservingProposal.identifier" required="True"
        tablehead="Identifier" verbLevel="1"
        description="Identifier, as proposal_id in ObsCore"/>
      <column name="title" type="text" ucd="meta.title;obs.proposal" utype="cta:ObservingProposal.title"
        tablehead="Title" verbLevel="10"
        description="Title"/>
      <column name="pi_name" type="text" ucd="meta.id.PI;obs.proposal" utype="cta:ObservingProposal.pi_name"
        tablehead="Pi name" verbLevel="10"
        description="Principal investigator"/>
      <column name="abstract" type="text" ucd="meta.abstract;obs.proposal" utype="cta:ObservingProposal.abstract"
        tablehead="Abstract" verbLevel="10"
        description="Abstract"/>
      <column name="category" type="text" ucd="meta.code.class;obs.proposal" utype="cta:ObservingProposal.category"
        tablehead="Category" verbLevel="10"
        description="Kind of proposal, such as key science project, guest observer"/>
      <column name="scientific_project_id" type="text" ucd="meta.ref" utype="cta:ObservingProposal.scientific_project"
        tablehead="Scientific project id" verbLevel="10"
        description="Project it belongs to, as scientific_project_id in cta.scientific_project"/>
    </table>

    <table id="observing_configuration" onDisk="True" adql="True" primary="observing_configuration_id">
      <meta name="title">Observing configuration</meta>
      <meta name="table-rank">114</meta>
      <meta name="description">How the telescopes are pointed and moved.</meta>
      <meta name="utype">cta:ObservingConfiguration</meta>
      <index columns="collection"/>
      <index columns="pointing_mode"/>
      <index columns="tracking_mode"/>
      <index columns="obs_mode"/>
      <column name="observing_configuration_id" type="text" ucd="meta.id;meta.main" utype="cta:ObservingConfiguration" required="True"
        tablehead="Observing configuration id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="name" type="text" ucd="meta.id;instr.setup;meta.main" utype="cta:ObservingConfiguration.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name"/>
      <column name="description" type="text" ucd="meta.note" utype="cta:ObservingConfiguration.description"
        tablehead="Description" verbLevel="10"
        description="What is particular about it"/>
      <column name="pointing_mode" type="text" ucd="meta.code;obs.param" utype="cta:ObservingConfiguration.pointing_mode"
        tablehead="Pointing mode" verbLevel="10"
        description="How telescopes point relative to each other: parallel, convergent or divergent"/>
      <column name="tracking_mode" type="text" ucd="meta.code;obs.param" utype="cta:ObservingConfiguration.tracking_mode"
        tablehead="Tracking mode" verbLevel="10"
        description="How the pointing moves: sidereal, fixed-az-el-transit, solar-system-object-tracking or none"/>
      <column name="obs_mode" type="text" ucd="meta.code;obs.param" utype="cta:ObservingConfiguration.obs_mode"
        tablehead="Obs mode" verbLevel="10"
        description="Observation mode (GADF): POINTING, WOBBLE, RASTER, SLEW, SCAN or DRIFT"/>
      <column name="pointing_offset" type="double precision" unit="deg" ucd="pos.angDistance;obs.param" utype="cta:ObservingConfiguration.pointing_offset"
        tablehead="Pointing offset" verbLevel="10"
        description="Distance of the pointing from the target"/>
    </table>

    <table id="convergence_configuration" onDisk="True" adql="True" primary="observing_configuration_id">
      <meta name="title">Convergence configuration</meta>
      <meta name="table-rank">115</meta>
      <meta name="description">A configuration whose telescopes do not point in parallel.</meta>
      <meta name="utype">cta:ConvergenceConfiguration</meta>
      <foreignKey source="observing_configuration_id" inTable="observing_configuration" dest="observing_configuration_id"/>
      <index columns="collection"/>
      <column name="observing_configuration_id" type="text" ucd="meta.id;meta.main" utype="cta:ConvergenceConfiguration" required="True"
        tablehead="Observing configuration id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;obs.param" utype="cta:ConvergenceConfiguration.ra"
        tablehead="Ra" verbLevel="10"
        description="Right ascension of the point of convergence, ICRS"/>
      <column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;obs.param" utype="cta:ConvergenceConfiguration.dec"
        tablehead="Dec" verbLevel="10"
        description="Declination of the point of convergence, ICRS"/>
      <column name="depth" type="double precision" unit="m" ucd="pos.distance;obs.param" utype="cta:ConvergenceConfiguration.depth"
        tablehead="Depth" verbLevel="10"
        description="Convergence depth (CONV_DEP): negative for divergent pointing"/>
    </table>

    <table id="observation" onDisk="True" adql="True" primary="observation_id">
      <meta name="title">Observation</meta>
      <meta name="table-rank">116</meta>
      <meta name="description">A block of observation of one target: planned, under way or done.</meta>
      <meta name="utype">cta:Observation</meta>
      <FEED source="rd/timesys#utc-mjd" column="start_time"/>
      <FEED source="rd/timesys#utc-mjd" column="end_time"/>
      <FEED source="rd/timesys#utc-mjd" column="planning_time"/>
      <foreignKey source="observatory_id" inTable="observatory" dest="observatory_id"/>
      <foreignKey source="target_id" inTable="target" dest="target_id"/>
      <foreignKey source="configuration_id" inTable="observing_configuration" dest="observing_configuration_id"/>
      <foreignKey source="proposal_id" inTable="observing_proposal" dest="observing_proposal_id"/>
      <foreignKey source="atmosphere_id" inTable="atmosphere" dest="atmosphere_id"/>
      <index columns="collection"/>
      <index columns="observatory_id"/>
      <index columns="target_id"/>
      <index columns="configuration_id"/>
      <index columns="proposal_id"/>
      <index columns="atmosphere_id"/>
      <index columns="identifier"/>
      <index columns="start_time"/>
      <index columns="end_time"/>
      <index columns="execution_status"/>
      <index columns="planning_time"/>
      <column name="observation_id" type="text" ucd="meta.id;meta.main" utype="cta:Observation" required="True"
        tablehead="Observation id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="identifier" type="text" ucd="meta.id;obs;meta.main" utype="cta:Observation.identifier" required="True"
        tablehead="Identifier" verbLevel="1"
        description="Identifier of the scheduling block; of the run, where none is known"/>
      <column name="description" type="text" ucd="meta.note;obs" utype="cta:Observation.description"
        tablehead="Description" verbLevel="10"
        description="Remarks"/>
      <column name="execution_status" type="text" ucd="meta.code.status;obs" utype="cta:Observation.execution_status"
        tablehead="Execution status" verbLevel="10"
        description="Where it is in its life; NULL where only its data are known"><values><option>Planned</option><option>Scheduled</option><option>Unscheduled</option><option>Performed</option><option>Aborted</option></values></column>
      <column name="start_time" type="double precision" unit="d" ucd="time.start;obs.exposure" utype="cta:Observation.start_time"
        tablehead="Start time" verbLevel="10"
        description="Start"/>
      <column name="end_time" type="double precision" unit="d" ucd="time.end;obs.exposure" utype="cta:Observation.end_time"
        tablehead="End time" verbLevel="10"
        description="End"/>
      <column name="on_time" type="double precision" unit="s" ucd="time.duration;obs.exposure" utype="cta:Observation.on_time"
        tablehead="On time" verbLevel="10"
        description="Sum of the good time intervals"/>
      <column name="live_time" type="double precision" unit="s" ucd="time.duration;obs.exposure" utype="cta:Observation.live_time"
        tablehead="Live time" verbLevel="10"
        description="On-time without dead time"/>
      <column name="owner" type="text" ucd="meta.id;obs.proposal" utype="cta:Observation.owner"
        tablehead="Owner" verbLevel="10"
        description="Group that owns the data"/>
      <column name="ownership_end" type="timestamp" ucd="time.release" utype="cta:Observation.ownership_end"
        tablehead="Ownership end" verbLevel="10"
        description="Day on which the data become public"/>
      <column name="planning_time" type="double precision" unit="d" ucd="time.processing;obs" utype="cta:Observation.planning_time"
        tablehead="Planning time" verbLevel="10"
        description="When the plan of it was last changed"/>
      <column name="planned_exposure" type="double precision" unit="s" ucd="time.duration;obs.exposure" utype="cta:Observation.planned_exposure"
        tablehead="Planned exposure" verbLevel="10"
        description="Exposure that was planned"/>
      <column name="plan_category" type="text" ucd="meta.code;obs" utype="cta:Observation.plan_category"
        tablehead="Plan category" verbLevel="10"
        description="How bound to its slot it is"><values><option>Fixed</option><option>Coordinated</option><option>Window</option><option>Other</option></values></column>
      <column name="priority" type="integer" ucd="meta.code;obs" utype="cta:Observation.priority"
        tablehead="Priority" verbLevel="10"
        description="0 easily moved, 1, 2 hard to move"><values nullLiteral="-2147483648"/></column>
      <column name="confidential" type="smallint" ucd="meta.code;obs" utype="cta:Observation.confidential"
        tablehead="Confidential" verbLevel="10"
        description="Whether its target is not to be known: then target, proposal and configuration are empty"><values nullLiteral="-32768"/></column>
      <column name="observatory_id" type="text" ucd="meta.ref" utype="cta:Observation.observatory"
        tablehead="Observatory id" verbLevel="10"
        description="Observatory that observes, as observatory_id in cta.observatory"/>
      <column name="target_id" type="text" ucd="meta.ref" utype="cta:Observation.target"
        tablehead="Target id" verbLevel="10"
        description="What is observed, as target_id in cta.target"/>
      <column name="configuration_id" type="text" ucd="meta.ref" utype="cta:Observation.configuration"
        tablehead="Configuration id" verbLevel="10"
        description="How, as observing_configuration_id in cta.observing_configuration"/>
      <column name="proposal_id" type="text" ucd="meta.ref" utype="cta:Observation.proposal"
        tablehead="Proposal id" verbLevel="10"
        description="For which proposal, as observing_proposal_id in cta.observing_proposal"/>
      <column name="atmosphere_id" type="text" ucd="meta.ref" utype="cta:Observation.atmosphere"
        tablehead="Atmosphere id" verbLevel="10"
        description="Air above the site, as atmosphere_id in cta.atmosphere"/>
    </table>

    <table id="observation_sub_array" onDisk="True" adql="True" primary="observation_id,sub_array_id">
      <meta name="title">Observation sub array</meta>
      <meta name="table-rank">117</meta>
      <meta name="description">Groups of telescopes that observe: which Observation has which SubArray.</meta>
      <foreignKey source="observation_id" inTable="observation" dest="observation_id"/>
      <foreignKey source="sub_array_id" inTable="sub_array" dest="sub_array_id"/>
      <index columns="collection"/>
      <index columns="sub_array_id"/>
      <column name="observation_id" type="text" ucd="meta.ref" utype="cta:Observation" required="True"
        tablehead="Observation id" verbLevel="1"
        description="Observation, as observation_id in cta.observation"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="sub_array_id" type="text" ucd="meta.ref" utype="cta:Observation.sub_array" required="True"
        tablehead="Sub array id" verbLevel="1"
        description="Groups of telescopes that observe, as sub_array_id in cta.sub_array"/>
    </table>

    <table id="run" onDisk="True" adql="True" primary="run_id">
      <meta name="title">Run</meta>
      <meta name="table-rank">118</meta>
      <meta name="description">A span of data taking.</meta>
      <meta name="utype">cta:Run</meta>
      <FEED source="rd/timesys#utc-mjd" column="start_time"/>
      <FEED source="rd/timesys#utc-mjd" column="end_time"/>
      <foreignKey source="observation_id" inTable="observation" dest="observation_id"/>
      <foreignKey source="sub_array_id" inTable="sub_array" dest="sub_array_id"/>
      <index columns="collection"/>
      <index columns="observation_id"/>
      <index columns="sub_array_id"/>
      <index columns="identifier"/>
      <index columns="start_time"/>
      <index columns="end_time"/>
      <column name="run_id" type="text" ucd="meta.id;meta.main" utype="cta:Run" required="True"
        tablehead="Run id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="identifier" type="text" ucd="meta.id;obs;meta.main" utype="cta:Run.identifier" required="True"
        tablehead="Identifier" verbLevel="1"
        description="Identifier (OBS_ID), as obs_id in ObsCore"/>
      <column name="start_time" type="double precision" unit="d" ucd="time.start;obs.exposure" utype="cta:Run.start_time"
        tablehead="Start time" verbLevel="10"
        description="Start"/>
      <column name="end_time" type="double precision" unit="d" ucd="time.end;obs.exposure" utype="cta:Run.end_time"
        tablehead="End time" verbLevel="10"
        description="End"/>
      <column name="on_time" type="double precision" unit="s" ucd="time.duration;obs.exposure" utype="cta:Run.on_time"
        tablehead="On time" verbLevel="10"
        description="Sum of the good time intervals"/>
      <column name="live_time" type="double precision" unit="s" ucd="time.duration;obs.exposure" utype="cta:Run.live_time"
        tablehead="Live time" verbLevel="10"
        description="On-time without dead time"/>
      <column name="observation_id" type="text" ucd="meta.ref" utype="cta:Run.observation"
        tablehead="Observation id" verbLevel="10"
        description="Observation it is part of, as observation_id in cta.observation"/>
      <column name="sub_array_id" type="text" ucd="meta.ref" utype="cta:Run.sub_array"
        tablehead="Sub array id" verbLevel="10"
        description="Telescopes that took part, as sub_array_id in cta.sub_array"/>
    </table>

    <table id="science_run" onDisk="True" adql="True" primary="run_id">
      <meta name="title">Science run</meta>
      <meta name="table-rank">119</meta>
      <meta name="description">A run on a target.</meta>
      <meta name="utype">cta:ScienceRun</meta>
      <foreignKey source="run_id" inTable="run" dest="run_id"/>
      <foreignKey source="configuration_id" inTable="observing_configuration" dest="observing_configuration_id"/>
      <index columns="collection"/>
      <index columns="configuration_id"/>
      <column name="run_id" type="text" ucd="meta.id;meta.main" utype="cta:ScienceRun" required="True"
        tablehead="Run id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="ra_pnt" type="double precision" unit="deg" ucd="pos.eq.ra;instr.tel" utype="cta:ScienceRun.ra_pnt"
        tablehead="Ra pnt" verbLevel="10"
        description="Right ascension of the pointing, ICRS"/>
      <column name="dec_pnt" type="double precision" unit="deg" ucd="pos.eq.dec;instr.tel" utype="cta:ScienceRun.dec_pnt"
        tablehead="Dec pnt" verbLevel="10"
        description="Declination of the pointing, ICRS"/>
      <column name="alt_pnt" type="double precision" unit="deg" ucd="pos.az.alt;instr.tel" utype="cta:ScienceRun.alt_pnt"
        tablehead="Alt pnt" verbLevel="10"
        description="Altitude of the pointing"/>
      <column name="az_pnt" type="double precision" unit="deg" ucd="pos.az.azi;instr.tel" utype="cta:ScienceRun.az_pnt"
        tablehead="Az pnt" verbLevel="10"
        description="Azimuth of the pointing, north to east"/>
      <column name="quality" type="integer" ucd="meta.code.qual;obs" utype="cta:ScienceRun.quality"
        tablehead="Quality" verbLevel="10"
        description="Quality: 0 best, 1 medium, 2 bad, -1 unknown"><values nullLiteral="-2147483648"/></column>
      <column name="n_events" type="integer" ucd="meta.number;phys.particle" utype="cta:ScienceRun.n_events"
        tablehead="N events" verbLevel="10"
        description="Number of events published"><values nullLiteral="-2147483648"/></column>
      <column name="trigger_rate" type="double precision" unit="Hz" ucd="arith.rate;instr.det" utype="cta:ScienceRun.trigger_rate"
        tablehead="Trigger rate" verbLevel="10"
        description="Mean trigger rate"/>
      <column name="muon_efficiency" type="double precision" ucd="instr.det.qe" utype="cta:ScienceRun.muon_efficiency"
        tablehead="Muon efficiency" verbLevel="10"
        description="Mean muon efficiency"/>
      <column name="nsb_level" type="double precision" ucd="instr.background" utype="cta:ScienceRun.nsb_level"
        tablehead="Nsb level" verbLevel="10"
        description="Night sky background level"/>
      <column name="configuration_id" type="text" ucd="meta.ref" utype="cta:ScienceRun.configuration"
        tablehead="Configuration id" verbLevel="10"
        description="How the telescopes pointed in fact, as observing_configuration_id in cta.observing_configuration"/>
    </table>

    <table id="calibration_run" onDisk="True" adql="True" primary="run_id">
      <meta name="title">Calibration run</meta>
      <meta name="table-rank">120</meta>
      <meta name="description">A run for calibration.</meta>
      <meta name="utype">cta:CalibrationRun</meta>
      <foreignKey source="run_id" inTable="run" dest="run_id"/>
      <index columns="collection"/>
      <column name="run_id" type="text" ucd="meta.id;meta.main" utype="cta:CalibrationRun" required="True"
        tablehead="Run id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="calibration_type" type="text" ucd="meta.code.class;obs.calib" utype="cta:CalibrationRun.calibration_type"
        tablehead="Calibration type" verbLevel="10"
        description="What is calibrated, such as flat field, pedestal, pointing"/>
      <column name="description" type="text" ucd="meta.note" utype="cta:CalibrationRun.description"
        tablehead="Description" verbLevel="10"
        description="Remarks"/>
    </table>

    <table id="reconstruction" onDisk="True" adql="True" primary="reconstruction_id">
      <meta name="title">Reconstruction</meta>
      <meta name="table-rank">121</meta>
      <meta name="description">How events were reconstructed from data of the telescopes.</meta>
      <meta name="utype">cta:Reconstruction</meta>
      <index columns="collection"/>
      <column name="reconstruction_id" type="text" ucd="meta.id;meta.main" utype="cta:Reconstruction" required="True"
        tablehead="Reconstruction id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="name" type="text" ucd="meta.id;meta.software;meta.main" utype="cta:Reconstruction.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name; method, version and cuts where nobody gave it one"/>
      <column name="method" type="text" ucd="meta.id;meta.software" utype="cta:Reconstruction.method"
        tablehead="Method" verbLevel="10"
        description="Method or software"/>
      <column name="version" type="text" ucd="meta.version;meta.software" utype="cta:Reconstruction.version"
        tablehead="Version" verbLevel="10"
        description="Version"/>
      <column name="cuts" type="text" ucd="meta.code.class" utype="cta:Reconstruction.cuts"
        tablehead="Cuts" verbLevel="10"
        description="Cuts, that is the event class"/>
    </table>

    <table id="analysis" onDisk="True" adql="True" primary="analysis_id">
      <meta name="title">Analysis</meta>
      <meta name="table-rank">122</meta>
      <meta name="description">How products were made from events.</meta>
      <meta name="utype">cta:Analysis</meta>
      <index columns="collection"/>
      <column name="analysis_id" type="text" ucd="meta.id;meta.main" utype="cta:Analysis" required="True"
        tablehead="Analysis id" verbLevel="1"
        description="Key: the collection and the names that lead to the object"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="name" type="text" ucd="meta.id;meta.software;meta.main" utype="cta:Analysis.name" required="True"
        tablehead="Name" verbLevel="1"
        description="Name; method, version and cuts where nobody gave it one"/>
      <column name="method" type="text" ucd="meta.id;meta.software" utype="cta:Analysis.method"
        tablehead="Method" verbLevel="10"
        description="Method or software"/>
      <column name="version" type="text" ucd="meta.version;meta.software" utype="cta:Analysis.version"
        tablehead="Version" verbLevel="10"
        description="Version"/>
      <column name="cuts" type="text" ucd="meta.code.class" utype="cta:Analysis.cuts"
        tablehead="Cuts" verbLevel="10"
        description="Cuts, that is the event class"/>
    </table>

    <table id="dataset_run" onDisk="True" adql="True" primary="obs_publisher_did,run_id">
      <meta name="title">Dataset run</meta>
      <meta name="table-rank">123</meta>
      <meta name="description">Runs it is made from: which Dataset has which Run.</meta>
      <foreignKey source="run_id" inTable="run" dest="run_id"/>
      <index columns="collection"/>
      <index columns="run_id"/>
      <column name="obs_publisher_did" type="text" ucd="meta.ref.ivoid" utype="cta:Dataset" required="True"
        tablehead="Obs publisher did" verbLevel="1"
        description="Dataset, as obs_publisher_did in cta.dataset"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="run_id" type="text" ucd="meta.ref" utype="cta:Dataset.run" required="True"
        tablehead="Run id" verbLevel="1"
        description="Runs it is made from, as run_id in cta.run"/>
    </table>

    <table id="dataset_reconstruction" onDisk="True" adql="True" primary="obs_publisher_did,reconstruction_id">
      <meta name="title">Dataset reconstruction</meta>
      <meta name="table-rank">124</meta>
      <meta name="description">How its events were reconstructed: which Dataset has which
        Reconstruction.</meta>
      <foreignKey source="reconstruction_id" inTable="reconstruction" dest="reconstruction_id"/>
      <index columns="collection"/>
      <index columns="reconstruction_id"/>
      <column name="obs_publisher_did" type="text" ucd="meta.ref.ivoid" utype="cta:Dataset" required="True"
        tablehead="Obs publisher did" verbLevel="1"
        description="Dataset, as obs_publisher_did in cta.dataset"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="reconstruction_id" type="text" ucd="meta.ref" utype="cta:Dataset.reconstruction" required="True"
        tablehead="Reconstruction id" verbLevel="1"
        description="How its events were reconstructed, as reconstruction_id in cta.reconstruction"/>
    </table>

    <table id="dataset_analysis" onDisk="True" adql="True" primary="obs_publisher_did,analysis_id">
      <meta name="title">Dataset analysis</meta>
      <meta name="table-rank">125</meta>
      <meta name="description">How it was made from events: which Dataset has which Analysis.</meta>
      <foreignKey source="analysis_id" inTable="analysis" dest="analysis_id"/>
      <index columns="collection"/>
      <index columns="analysis_id"/>
      <column name="obs_publisher_did" type="text" ucd="meta.ref.ivoid" utype="cta:Dataset" required="True"
        tablehead="Obs publisher did" verbLevel="1"
        description="Dataset, as obs_publisher_did in cta.dataset"/>
      <column name="collection" type="text" ucd="meta.id;meta.dataset" required="True"
        tablehead="Collection" verbLevel="1"
        description="Collection the row came with, as name in cta.collection"/>
      <column name="analysis_id" type="text" ucd="meta.ref" utype="cta:Dataset.analysis" required="True"
        tablehead="Analysis id" verbLevel="1"
        description="How it was made from events, as analysis_id in cta.analysis"/>
    </table>
  </STREAM>

  <STREAM id="makes">
    <doc>One make for each table of the data model, in the same order, for a data element.</doc>
    <make table="observatory"/>
    <make table="site_array"/>
    <make table="camera"/>
    <make table="telescope"/>
    <make table="trigger_unit"/>
    <make table="auxiliary_instrument"/>
    <make table="array_configuration"/>
    <make table="array_configuration_telescope"/>
    <make table="sub_array"/>
    <make table="sub_array_telescope"/>
    <make table="atmosphere"/>
    <make table="target"/>
    <make table="scientific_project"/>
    <make table="observing_proposal"/>
    <make table="observing_configuration"/>
    <make table="convergence_configuration"/>
    <make table="observation"/>
    <make table="observation_sub_array"/>
    <make table="run"/>
    <make table="science_run"/>
    <make table="calibration_run"/>
    <make table="reconstruction"/>
    <make table="analysis"/>
    <make table="dataset_run"/>
    <make table="dataset_reconstruction"/>
    <make table="dataset_analysis"/>
  </STREAM>
</resource>

<?xml version="1.0" encoding="utf-8"?>
<!-- Provenance: the tables of the IVOA Provenance Data Model 1.0 (ProvTAP), the graph service (ProvSAP), recipes.
  Rows come from `make prov-import` and `make import`; prov_tables/ does the work. -->
<resource schema="provenance" resdir="cta">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">Provenance of the Data of the \getConfig{web}{siteName}</meta>
  <meta name="shortName">CTA provenance</meta>
  <meta name="description">How the data of this archive were made: activities, what they used and made, with which software, in which
    version and configuration, and who answers for it. The tables are those of the IVOA Provenance Data Model 1.0, one a class;
    provenance.progenitors has all ancestors of everything, provenance.last_step one row a dataset.</meta>
  <meta name="subject">gamma-ray-astronomy</meta>
  <meta name="subject">gamma-ray-telescopes</meta>
  <meta name="coverage.waveband">Gamma-ray</meta>
  <meta name="contentLevel">Research</meta>
  <meta name="type">Archive</meta>
  <meta name="schema-rank">30</meta>
  <meta name="rights">The terms of use of each collection hold for its data: see the table cta.collection, and the
    documentation links of each dataset.</meta>

  <table id="entity_description" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Descriptions of entities</meta>
    <meta name="table-rank">61</meta>
    <meta name="utype">voprov:EntityDescription</meta>
    <meta name="description">Kinds of entities (class EntityDescription with its subclasses ValueDescription and DatasetDescription).</meta>
    <index columns="name"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main"
      tablehead="Identifier" verbLevel="1"
      description="Identifier"/>
    <column name="name" type="text" ucd="meta.title" utype="voprov:EntityDescription.name"
      tablehead="Name" verbLevel="1"
      description="Name of the kind; for products of pipelines their data levels, such as DL2"/>
    <column name="description" type="text" ucd="meta.note" utype="voprov:EntityDescription.description"
      tablehead="Description" verbLevel="5"
      description="What it is"/>
    <column name="docurl" type="text" ucd="meta.ref.url" utype="voprov:EntityDescription.docurl"
      tablehead="Documentation" verbLevel="15"
      description="Where to read more"/>
    <column name="type" type="text" ucd="meta.code.class" utype="voprov:EntityDescription.type"
      tablehead="Type" verbLevel="15"
      description="Type"/>
    <column name="description_class" type="text" ucd="meta.code.class" utype="voprov:EntityDescription"
      tablehead="Class" verbLevel="5"
      description="EntityDescription, ValueDescription or DatasetDescription"/>
    <column name="content_type" type="text" ucd="meta.code.mime" utype="voprov:DatasetDescription.contentType"
      tablehead="Media type" verbLevel="5"
      description="Media type of a dataset"/>
    <column name="value_type" type="text" ucd="meta.code" utype="voprov:ValueDescription.valueType"
      tablehead="Value type" verbLevel="15"
      description="Type of a value, as datatype and arraysize of VOTable"/>
    <column name="unit" type="text" ucd="meta.unit" utype="voprov:ValueDescription.unit"
      tablehead="Unit" verbLevel="15"
      description="Unit of a value"/>
    <column name="ucd" type="text" ucd="meta.ucd" utype="voprov:ValueDescription.ucd"
      tablehead="UCD" verbLevel="15"
      description="UCD of a value"/>
    <column name="utype" type="text" ucd="meta.code" utype="voprov:ValueDescription.utype"
      tablehead="Utype" verbLevel="15"
      description="Utype of a value"/>
  </table>

  <table id="activity_description" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Descriptions of activities</meta>
    <meta name="table-rank">60</meta>
    <meta name="utype">voprov:ActivityDescription</meta>
    <meta name="description">Programs, each version a row (class ActivityDescription).</meta>
    <index columns="name"/>
    <index columns="version"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main"
      tablehead="Identifier" verbLevel="1"
      description="Identifier"/>
    <column name="name" type="text" ucd="meta.title" utype="voprov:ActivityDescription.name"
      tablehead="Name" verbLevel="1"
      description="Name of the program"/>
    <column name="version" type="text" ucd="meta.version" utype="voprov:ActivityDescription.version"
      tablehead="Version" verbLevel="1"
      description="Version of the program"/>
    <column name="description" type="text" ucd="meta.note" utype="voprov:ActivityDescription.description"
      tablehead="Description" verbLevel="5"
      description="What it does"/>
    <column name="docurl" type="text" ucd="meta.ref.url" utype="voprov:ActivityDescription.docurl"
      tablehead="Documentation" verbLevel="15"
      description="Where to read more"/>
    <column name="type" type="text" ucd="meta.code.class" utype="voprov:ActivityDescription.type"
      tablehead="Type" verbLevel="5"
      description="Observation, Simulation, Reduction, Calibration, Reconstruction, Selection, Analysis, or what a record says"/>
    <column name="subtype" type="text" ucd="meta.code.class" utype="voprov:ActivityDescription.subtype"
      tablehead="Subtype" verbLevel="15"
      description="More exactly"/>
  </table>

  <table id="entity" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Entities</meta>
    <meta name="table-rank">50</meta>
    <meta name="utype">voprov:Entity</meta>
    <meta name="description">Everything that was made or used: files, collections of files, values. The identifier of a published dataset is
      its obs_publisher_did. This is the class Entity of the IVOA Provenance Data Model with its subclasses
      Collection, DatasetEntity and ValueEntity.</meta>
    <index columns="obs_publisher_did"/>
    <index columns="description_id"/>
    <index columns="generated_at_time"/>
    <index columns="name"/>
    <index name="pattern_entity_name" columns="name">name text_pattern_ops</index>
    <foreignKey source="description_id" dest="id" inTable="entity_description" metaOnly="True"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main" utype="voprov:Entity.id"
      tablehead="Identifier" verbLevel="1"
      description="Identifier: publisher DID of published datasets, product id or URI of others"/>
    <column name="name" type="text" ucd="meta.title" utype="voprov:Entity.name"
      tablehead="Name" verbLevel="1"
      description="Title of a dataset, or name of a file"/>
    <column name="location" type="text" ucd="meta.ref.url" utype="voprov:Entity.location"
      tablehead="Location" verbLevel="10"
      description="Public address, or name of the file"/>
    <column name="generated_at_time" type="timestamp" ucd="time.creation" utype="voprov:Entity.generatedAtTime"
      tablehead="Generated" verbLevel="5"
      description="When it was made, UTC"/>
    <column name="invalidated_at_time" type="timestamp" ucd="time.end" utype="voprov:Entity.invalidatedAtTime"
      tablehead="Invalidated" verbLevel="20"
      description="When it ceased to be valid, UTC"/>
    <column name="comment" type="text" ucd="meta.note" utype="voprov:Entity.comment"
      tablehead="Comment" verbLevel="20"
      description="Remark"/>
    <column name="entity_class" type="text" ucd="meta.code.class" utype="voprov:Entity"
      tablehead="Class" verbLevel="5"
      description="Class in the model: Entity, Collection, DatasetEntity or ValueEntity"/>
    <column name="entity_value" type="text" ucd="meta.note" utype="voprov:ValueEntity.value"
      tablehead="Value" verbLevel="10"
      description="Value of a ValueEntity"/>
    <column name="description_id" type="text" ucd="meta.id.assoc" utype="voprov:Entity.entityDescription"
      tablehead="Description" verbLevel="10"
      description="Which kind of entity it is: id in provenance.entity_description"/>
    <column name="obs_publisher_did" type="text" ucd="meta.ref.ivoid"
      tablehead="Publisher DID" verbLevel="5"
      description="Identifier of the dataset in ivoa.obscore, for entities that are published here"/>
  </table>

  <table id="activity" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Activities</meta>
    <meta name="table-rank">51</meta>
    <meta name="utype">voprov:Activity</meta>
    <meta name="description">Steps of observing, processing and analysing (class Activity).</meta>
    <index columns="start_time"/>
    <index columns="end_time"/>
    <index columns="name"/>
    <index name="pattern_activity_name" columns="name">name text_pattern_ops</index>
    <index columns="description_id"/>
    <index columns="status"/>
    <foreignKey source="description_id" dest="id" inTable="activity_description" metaOnly="True"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main" utype="voprov:Activity.id"
      tablehead="Identifier" verbLevel="1"
      description="Identifier"/>
    <column name="name" type="text" ucd="meta.title" utype="voprov:Activity.name"
      tablehead="Name" verbLevel="1"
      description="Name, mostly of the program"/>
    <column name="start_time" type="timestamp" ucd="time.start" utype="voprov:Activity.startTime"
      tablehead="Start" verbLevel="5"
      description="When it began, UTC"/>
    <column name="end_time" type="timestamp" ucd="time.end" utype="voprov:Activity.endTime"
      tablehead="End" verbLevel="5"
      description="When it ended, UTC"/>
    <column name="comment" type="text" ucd="meta.note" utype="voprov:Activity.comment"
      tablehead="Comment" verbLevel="20"
      description="Remark"/>
    <column name="description_id" type="text" ucd="meta.id.assoc" utype="voprov:Activity.activityDescription"
      tablehead="Description" verbLevel="5"
      description="Which program in which version it was: id in provenance.activity_description"/>
    <column name="status" type="text" ucd="meta.code.status"
      tablehead="Status" verbLevel="10"
      description="How it ended: completed, error, interrupted, or running when nobody saw the end"/>
    <column name="exit_code" type="integer" ucd="meta.code"
      tablehead="Exit code" verbLevel="15"
      description="Exit status of the program">
      <values nullLiteral="-2147483648"/></column>
  </table>

  <table id="agent" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Agents</meta>
    <meta name="table-rank">52</meta>
    <meta name="utype">voprov:Agent</meta>
    <meta name="description">Persons, organisations and software that answer for activities and entities (class Agent).</meta>
    <index columns="name"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main" utype="voprov:Agent.id"
      tablehead="Identifier" verbLevel="1"
      description="Identifier"/>
    <column name="name" type="text" ucd="meta.id" utype="voprov:Agent.name"
      tablehead="Name" verbLevel="1"
      description="Name"/>
    <column name="type" type="text" ucd="meta.code.class" utype="voprov:Agent.type"
      tablehead="Type" verbLevel="1"
      description="Person, Organization or SoftwareAgent"/>
    <column name="comment" type="text" ucd="meta.note" utype="voprov:Agent.comment"
      tablehead="Comment" verbLevel="20"
      description="Remark"/>
    <column name="email" type="text" ucd="meta.email" utype="voprov:Agent.email"
      tablehead="Mail" verbLevel="15"
      description="Mail address"/>
    <column name="affiliation" type="text" ucd="meta.id" utype="voprov:Agent.affiliation"
      tablehead="Affiliation" verbLevel="15"
      description="Organisation a person belongs to"/>
    <column name="phone" type="text" ucd="meta.id" utype="voprov:Agent.phone"
      tablehead="Phone" verbLevel="25"
      description="Telephone number"/>
    <column name="address" type="text" ucd="meta.note" utype="voprov:Agent.address"
      tablehead="Address" verbLevel="25"
      description="Postal address"/>
    <column name="url" type="text" ucd="meta.ref.url" utype="voprov:Agent.url"
      tablehead="URL" verbLevel="15"
      description="Home page"/>
  </table>

  <table id="usage_description" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Descriptions of usages</meta>
    <meta name="table-rank">62</meta>
    <meta name="utype">voprov:UsageDescription</meta>
    <meta name="description">What a kind of activity takes (class UsageDescription).</meta>
    <index columns="activity_description_id"/>
    <foreignKey source="activity_description_id" dest="id" inTable="activity_description" metaOnly="True"/>
    <foreignKey source="entity_description_id" dest="id" inTable="entity_description" metaOnly="True"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main"
      tablehead="Identifier" verbLevel="1"
      description="Identifier"/>
    <column name="activity_description_id" type="text" ucd="meta.id.assoc" utype="voprov:ActivityDescription.usageDescription"
      tablehead="Activity" verbLevel="1"
      description="Id in provenance.activity_description"/>
    <column name="entity_description_id" type="text" ucd="meta.id.assoc" utype="voprov:UsageDescription.entityDescription"
      tablehead="Entity" verbLevel="1"
      description="Id in provenance.entity_description"/>
    <column name="role" type="text" ucd="meta.code" utype="voprov:UsageDescription.role"
      tablehead="Role" verbLevel="1"
      description="What the entity is for the activity"/>
    <column name="description" type="text" ucd="meta.note" utype="voprov:UsageDescription.description"
      tablehead="Description" verbLevel="10"
      description="In words"/>
    <column name="type" type="text" ucd="meta.code.class" utype="voprov:UsageDescription.type"
      tablehead="Type" verbLevel="10"
      description="Main, Calibration, Preview, Setup, Quality, Log or Context"/>
    <column name="multiplicity" type="text" ucd="meta.note" utype="voprov:UsageDescription.multiplicity"
      tablehead="Multiplicity" verbLevel="20"
      description="How many there may be"/>
  </table>

  <table id="generation_description" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Descriptions of generations</meta>
    <meta name="table-rank">62</meta>
    <meta name="utype">voprov:GenerationDescription</meta>
    <meta name="description">What a kind of activity makes (class GenerationDescription).</meta>
    <index columns="activity_description_id"/>
    <foreignKey source="activity_description_id" dest="id" inTable="activity_description" metaOnly="True"/>
    <foreignKey source="entity_description_id" dest="id" inTable="entity_description" metaOnly="True"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main"
      tablehead="Identifier" verbLevel="1"
      description="Identifier"/>
    <column name="activity_description_id" type="text" ucd="meta.id.assoc" utype="voprov:ActivityDescription.generationDescription"
      tablehead="Activity" verbLevel="1"
      description="Id in provenance.activity_description"/>
    <column name="entity_description_id" type="text" ucd="meta.id.assoc" utype="voprov:GenerationDescription.entityDescription"
      tablehead="Entity" verbLevel="1"
      description="Id in provenance.entity_description"/>
    <column name="role" type="text" ucd="meta.code" utype="voprov:GenerationDescription.role"
      tablehead="Role" verbLevel="1"
      description="What the entity is for the activity"/>
    <column name="description" type="text" ucd="meta.note" utype="voprov:GenerationDescription.description"
      tablehead="Description" verbLevel="10"
      description="In words"/>
    <column name="type" type="text" ucd="meta.code.class" utype="voprov:GenerationDescription.type"
      tablehead="Type" verbLevel="10"
      description="Main, Calibration, Preview, Setup, Quality, Log or Context"/>
    <column name="multiplicity" type="text" ucd="meta.note" utype="voprov:GenerationDescription.multiplicity"
      tablehead="Multiplicity" verbLevel="20"
      description="How many there may be"/>
  </table>

  <table id="used" onDisk="True" adql="True" forceUnique="False">
    <meta name="title">Usages</meta>
    <meta name="table-rank">53</meta>
    <meta name="utype">voprov:Used</meta>
    <meta name="description">Which activity used which entity (class Used).</meta>
    <index columns="entity_id"/>
    <index columns="role"/>
    <index columns="activity_id" metaOnly="True"/>
    <script type="postCreation" lang="SQL" name="no row twice">
      CREATE UNIQUE INDEX used_once ON \qName (activity_id, entity_id, coalesce(role, ''))
    </script>
    <foreignKey source="activity_id" dest="id" inTable="activity" metaOnly="True"/>
    <foreignKey source="entity_id" dest="id" inTable="entity" metaOnly="True"/>
    <foreignKey source="description_id" dest="id" inTable="usage_description" metaOnly="True"/>
    <column name="activity_id" type="text" ucd="meta.id;meta.main" utype="voprov:Activity.used"
      tablehead="Activity" verbLevel="1"
      description="Id of the activity"/>
    <column name="entity_id" type="text" ucd="meta.id" utype="voprov:Used.entity"
      tablehead="Entity" verbLevel="1"
      description="Id of the entity"/>
    <column name="role" type="text" ucd="meta.code" utype="voprov:Used.role"
      tablehead="Role" verbLevel="1"
      description="What the entity was for the activity"/>
    <column name="use_time" type="timestamp" ucd="time" utype="voprov:Used.time"
      tablehead="Time" verbLevel="10"
      description="When it was used, UTC"/>
    <column name="description_id" type="text" ucd="meta.id.assoc" utype="voprov:Used.usageDescription"
      tablehead="Description" verbLevel="20"
      description="Id in provenance.usage_description"/>
  </table>

  <table id="was_generated_by" onDisk="True" adql="True" primary="entity_id" forceUnique="False">
    <meta name="title">Generations</meta>
    <meta name="table-rank">54</meta>
    <meta name="utype">voprov:WasGeneratedBy</meta>
    <meta name="description">Which activity made which entity (class WasGeneratedBy); an entity has one generating activity at most.</meta>
    <index columns="activity_id"/>
    <foreignKey source="entity_id" dest="id" inTable="entity" metaOnly="True"/>
    <foreignKey source="activity_id" dest="id" inTable="activity" metaOnly="True"/>
    <foreignKey source="description_id" dest="id" inTable="generation_description" metaOnly="True"/>
    <column name="entity_id" type="text" required="True" ucd="meta.id;meta.main" utype="voprov:Entity.wasGeneratedBy"
      tablehead="Entity" verbLevel="1"
      description="Id of the entity"/>
    <column name="activity_id" type="text" ucd="meta.id" utype="voprov:WasGeneratedBy.activity"
      tablehead="Activity" verbLevel="1"
      description="Id of the activity"/>
    <column name="role" type="text" ucd="meta.code" utype="voprov:WasGeneratedBy.role"
      tablehead="Role" verbLevel="1"
      description="What the entity was for the activity"/>
    <column name="description_id" type="text" ucd="meta.id.assoc" utype="voprov:WasGeneratedBy.generationDescription"
      tablehead="Description" verbLevel="20"
      description="Id in provenance.generation_description"/>
  </table>

  <table id="was_associated_with" onDisk="True" adql="True" forceUnique="False">
    <meta name="title">Associations</meta>
    <meta name="table-rank">55</meta>
    <meta name="utype">voprov:WasAssociatedWith</meta>
    <meta name="description">Who answers for which activity (class WasAssociatedWith).</meta>
    <index columns="agent_id"/>
    <index columns="activity_id" metaOnly="True"/>
    <script type="postCreation" lang="SQL" name="no row twice">
      CREATE UNIQUE INDEX was_associated_with_once ON \qName (activity_id, agent_id, coalesce(role, ''))
    </script>
    <foreignKey source="activity_id" dest="id" inTable="activity" metaOnly="True"/>
    <foreignKey source="agent_id" dest="id" inTable="agent" metaOnly="True"/>
    <column name="activity_id" type="text" ucd="meta.id;meta.main" utype="voprov:Activity.wasAssociatedWith"
      tablehead="Activity" verbLevel="1"
      description="Id of the activity"/>
    <column name="agent_id" type="text" ucd="meta.id" utype="voprov:WasAssociatedWith.agent"
      tablehead="Agent" verbLevel="1"
      description="Id of the agent"/>
    <column name="role" type="text" ucd="meta.code" utype="voprov:WasAssociatedWith.role"
      tablehead="Role" verbLevel="1"
      description="Author, Contributor, Coordinator, Creator, Curator, Editor, Funder, Investigator, Observer, Operator, Provider or Publisher; none for software"/>
  </table>

  <table id="was_attributed_to" onDisk="True" adql="True" forceUnique="False">
    <meta name="title">Attributions</meta>
    <meta name="table-rank">56</meta>
    <meta name="utype">voprov:WasAttributedTo</meta>
    <meta name="description">Who answers for which entity (class WasAttributedTo).</meta>
    <index columns="agent_id"/>
    <index columns="entity_id" metaOnly="True"/>
    <script type="postCreation" lang="SQL" name="no row twice">
      CREATE UNIQUE INDEX was_attributed_to_once ON \qName (entity_id, agent_id, coalesce(role, ''))
    </script>
    <foreignKey source="entity_id" dest="id" inTable="entity" metaOnly="True"/>
    <foreignKey source="agent_id" dest="id" inTable="agent" metaOnly="True"/>
    <column name="entity_id" type="text" ucd="meta.id;meta.main" utype="voprov:Entity.wasAttributedTo"
      tablehead="Entity" verbLevel="1"
      description="Id of the entity"/>
    <column name="agent_id" type="text" ucd="meta.id" utype="voprov:WasAttributedTo.agent"
      tablehead="Agent" verbLevel="1"
      description="Id of the agent"/>
    <column name="role" type="text" ucd="meta.code" utype="voprov:WasAttributedTo.role"
      tablehead="Role" verbLevel="1"
      description="Author, Contributor, Coordinator, Creator, Curator, Editor, Funder, Investigator, Observer, Operator, Provider or Publisher"/>
  </table>

  <table id="was_derived_from" onDisk="True" adql="True" primary="generated_entity_id,used_entity_id" forceUnique="False">
    <meta name="title">Derivations</meta>
    <meta name="table-rank">57</meta>
    <meta name="utype">voprov:Entity.usedEntity</meta>
    <meta name="description">Which entity was made from which (relation wasDerivedFrom): each output of an activity from each of its inputs,
      and what records say themselves.</meta>
    <index columns="used_entity_id"/>
    <foreignKey source="generated_entity_id" dest="id" inTable="entity" metaOnly="True"/>
    <foreignKey source="used_entity_id" dest="id" inTable="entity" metaOnly="True"/>
    <column name="generated_entity_id" type="text" required="True" ucd="meta.id;meta.main" utype="voprov:Entity"
      tablehead="Generated" verbLevel="1"
      description="Id of the entity that was made"/>
    <column name="used_entity_id" type="text" required="True" ucd="meta.id.parent" utype="voprov:Entity.usedEntity"
      tablehead="Used" verbLevel="1"
      description="Id of the entity it was made from"/>
  </table>

  <table id="was_informed_by" onDisk="True" adql="True" primary="informed_id,informant_id" forceUnique="False">
    <meta name="title">Communications</meta>
    <meta name="table-rank">58</meta>
    <meta name="utype">voprov:Activity.informant</meta>
    <meta name="description">Which activity depended on which (relation wasInformedBy): it used something the other made, or was called by
      it.</meta>
    <index columns="informant_id"/>
    <foreignKey source="informed_id" dest="id" inTable="activity" metaOnly="True"/>
    <foreignKey source="informant_id" dest="id" inTable="activity" metaOnly="True"/>
    <column name="informed_id" type="text" required="True" ucd="meta.id;meta.main" utype="voprov:Activity"
      tablehead="Informed" verbLevel="1"
      description="Id of the activity"/>
    <column name="informant_id" type="text" required="True" ucd="meta.id.parent" utype="voprov:Activity.informant"
      tablehead="Informant" verbLevel="1"
      description="Id of the activity it depended on"/>
  </table>

  <table id="had_member" onDisk="True" adql="True" primary="collection_id,entity_id" forceUnique="False">
    <meta name="title">Memberships</meta>
    <meta name="table-rank">59</meta>
    <meta name="utype">voprov:Collection.entity</meta>
    <meta name="description">Members of collections (relation hadMember).</meta>
    <index columns="entity_id"/>
    <foreignKey source="collection_id" dest="id" inTable="entity" metaOnly="True"/>
    <foreignKey source="entity_id" dest="id" inTable="entity" metaOnly="True"/>
    <column name="collection_id" type="text" required="True" ucd="meta.id;meta.main" utype="voprov:Collection"
      tablehead="Collection" verbLevel="1"
      description="Id of the collection, an entity"/>
    <column name="entity_id" type="text" required="True" ucd="meta.id" utype="voprov:Collection.entity"
      tablehead="Member" verbLevel="1"
      description="Id of the member"/>
  </table>

  <table id="parameter_description" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Descriptions of parameters</meta>
    <meta name="table-rank">65</meta>
    <meta name="utype">voprov:ActivityConfiguration.ParameterDescription</meta>
    <meta name="description">Parameters that kinds of activities take (class ParameterDescription).</meta>
    <index columns="activity_description_id"/>
    <index columns="name"/>
    <foreignKey source="activity_description_id" dest="id" inTable="activity_description" metaOnly="True"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main"
      tablehead="Identifier" verbLevel="1"
      description="Identifier"/>
    <column name="activity_description_id" type="text" ucd="meta.id.assoc" utype="voprov:ActivityDescription.parameterDescription"
      tablehead="Activity" verbLevel="1"
      description="Id in provenance.activity_description"/>
    <column name="name" type="text" ucd="meta.title" utype="voprov:ParameterDescription.name"
      tablehead="Name" verbLevel="1"
      description="Name"/>
    <column name="value_type" type="text" ucd="meta.code" utype="voprov:ParameterDescription.valueType"
      tablehead="Type" verbLevel="5"
      description="Datatype and arraysize of VOTable, or json"/>
    <column name="description" type="text" ucd="meta.note" utype="voprov:ParameterDescription.description"
      tablehead="Description" verbLevel="5"
      description="What it is"/>
    <column name="unit" type="text" ucd="meta.unit" utype="voprov:ParameterDescription.unit"
      tablehead="Unit" verbLevel="5"
      description="Unit"/>
    <column name="ucd" type="text" ucd="meta.ucd" utype="voprov:ParameterDescription.ucd"
      tablehead="UCD" verbLevel="10"
      description="UCD of the value"/>
    <column name="utype" type="text" ucd="meta.code" utype="voprov:ParameterDescription.utype"
      tablehead="Utype" verbLevel="15"
      description="Utype of the value"/>
    <column name="min_value" type="text" ucd="meta.note;stat.min" utype="voprov:ParameterDescription.min"
      tablehead="Minimum" verbLevel="10"
      description="Least value"/>
    <column name="max_value" type="text" ucd="meta.note;stat.max" utype="voprov:ParameterDescription.max"
      tablehead="Maximum" verbLevel="10"
      description="Greatest value"/>
    <column name="default_value" type="text" ucd="meta.note" utype="voprov:ParameterDescription.default"
      tablehead="Default" verbLevel="10"
      description="Default value"/>
    <column name="options" type="text" ucd="meta.note" utype="voprov:ParameterDescription.options"
      tablehead="Options" verbLevel="10"
      description="Values to choose from"/>
  </table>

  <table id="parameter" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Parameters</meta>
    <meta name="table-rank">64</meta>
    <meta name="utype">voprov:ActivityConfiguration.Parameter</meta>
    <meta name="description">Values that configured activities (class Parameter); activities of one kind with the same value share a row.</meta>
    <index columns="name"/>
    <index name="pattern_parameter_name" columns="name">name text_pattern_ops</index>
    <index columns="param_value" method="HASH"/>
    <index columns="description_id"/>
    <foreignKey source="entity_id" dest="id" inTable="entity" metaOnly="True"/>
    <foreignKey source="description_id" dest="id" inTable="parameter_description" metaOnly="True"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main"
      tablehead="Identifier" verbLevel="1"
      description="Identifier"/>
    <column name="name" type="text" ucd="meta.title" utype="voprov:Parameter.name"
      tablehead="Name" verbLevel="1"
      description="Name; of nested configurations with dots, such as ProcessorTool.ImageProcessor.image_cleaner_type"/>
    <column name="param_value" type="text" ucd="meta.note" utype="voprov:Parameter.value"
      tablehead="Value" verbLevel="1"
      description="Value as text; lists and the like in JSON"/>
    <column name="entity_id" type="text" ucd="meta.id" utype="voprov:Parameter.valueEntity"
      tablehead="Entity" verbLevel="10"
      description="Id of the entity that is the value, such as the software environment"/>
    <column name="description_id" type="text" ucd="meta.id.assoc" utype="voprov:Parameter.parameterDescription"
      tablehead="Description" verbLevel="10"
      description="Id in provenance.parameter_description"/>
  </table>

  <table id="config_file_description" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Descriptions of configuration files</meta>
    <meta name="table-rank">67</meta>
    <meta name="utype">voprov:ActivityConfiguration.ConfigFileDescription</meta>
    <meta name="description">Configuration files that kinds of activities take (class ConfigFileDescription).</meta>
    <index columns="activity_description_id"/>
    <foreignKey source="activity_description_id" dest="id" inTable="activity_description" metaOnly="True"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main"
      tablehead="Identifier" verbLevel="1"
      description="Identifier"/>
    <column name="activity_description_id" type="text" ucd="meta.id.assoc" utype="voprov:ActivityDescription.configFileDescription"
      tablehead="Activity" verbLevel="1"
      description="Id in provenance.activity_description"/>
    <column name="name" type="text" ucd="meta.title" utype="voprov:ConfigFileDescription.name"
      tablehead="Name" verbLevel="1"
      description="Name"/>
    <column name="content_type" type="text" ucd="meta.code.mime" utype="voprov:ConfigFileDescription.contentType"
      tablehead="Media type" verbLevel="5"
      description="Media type"/>
    <column name="description" type="text" ucd="meta.note" utype="voprov:ConfigFileDescription.description"
      tablehead="Description" verbLevel="5"
      description="What it is"/>
  </table>

  <table id="config_file" onDisk="True" adql="True" primary="id" forceUnique="False">
    <meta name="title">Configuration files</meta>
    <meta name="table-rank">66</meta>
    <meta name="utype">voprov:ActivityConfiguration.ConfigFile</meta>
    <meta name="description">Files that configured activities (class ConfigFile).</meta>
    <foreignKey source="description_id" dest="id" inTable="config_file_description" metaOnly="True"/>
    <column name="id" type="text" required="True" ucd="meta.id;meta.main"
      tablehead="Identifier" verbLevel="1"
      description="Identifier"/>
    <column name="name" type="text" ucd="meta.title" utype="voprov:ConfigFile.name"
      tablehead="Name" verbLevel="1"
      description="Name"/>
    <column name="location" type="text" ucd="meta.ref.url" utype="voprov:ConfigFile.location"
      tablehead="Location" verbLevel="5"
      description="Public address, or name of the file"/>
    <column name="comment" type="text" ucd="meta.note" utype="voprov:ConfigFile.comment"
      tablehead="Comment" verbLevel="15"
      description="Remark"/>
    <column name="description_id" type="text" ucd="meta.id.assoc" utype="voprov:ConfigFile.configFileDescription"
      tablehead="Description" verbLevel="15"
      description="Id in provenance.config_file_description"/>
  </table>

  <table id="was_configured_by" onDisk="True" adql="True" forceUnique="False">
    <meta name="title">Configurations</meta>
    <meta name="table-rank">63</meta>
    <meta name="utype">voprov:ActivityConfiguration.WasConfiguredBy</meta>
    <meta name="description">Which parameter or file configured which activity (class WasConfiguredBy).</meta>
    <index columns="parameter_id"/>
    <index columns="config_file_id"/>
    <index columns="activity_id" metaOnly="True"/>
    <script type="postCreation" lang="SQL" name="no row twice">
      CREATE UNIQUE INDEX was_configured_by_once ON \qName (activity_id, coalesce(parameter_id, ''), coalesce(config_file_id, ''))
    </script>
    <foreignKey source="activity_id" dest="id" inTable="activity" metaOnly="True"/>
    <foreignKey source="parameter_id" dest="id" inTable="parameter" metaOnly="True"/>
    <foreignKey source="config_file_id" dest="id" inTable="config_file" metaOnly="True"/>
    <column name="activity_id" type="text" ucd="meta.id;meta.main" utype="voprov:Activity.wasConfiguredBy"
      tablehead="Activity" verbLevel="1"
      description="Id of the activity"/>
    <column name="artefact_type" type="text" ucd="meta.code.class" utype="voprov:WasConfiguredBy.artefactType"
      tablehead="Type" verbLevel="1"
      description="Parameter or ConfigFile"/>
    <column name="parameter_id" type="text" ucd="meta.id" utype="voprov:WasConfiguredBy.parameter"
      tablehead="Parameter" verbLevel="1"
      description="Id in provenance.parameter"/>
    <column name="config_file_id" type="text" ucd="meta.id" utype="voprov:WasConfiguredBy.configFile"
      tablehead="File" verbLevel="1"
      description="Id in provenance.config_file"/>
  </table>

  <table id="progenitors" onDisk="True" adql="True" primary="entity_id,ancestor_id" forceUnique="False">
    <meta name="title">All ancestors of all entities</meta>
    <meta name="table-rank">49</meta>
    <meta name="description">Everything that an entity was made from, in however many steps: the transitive closure of
      provenance.was_derived_from and provenance.had_member (a collection is made from its members), kept up to date
      with each import. ADQL needs no recursion with it.</meta>
    <index columns="ancestor_id"/>
    <index columns="activity_id"/>
    <foreignKey source="entity_id" dest="id" inTable="entity" metaOnly="True"/>
    <foreignKey source="ancestor_id" dest="id" inTable="entity" metaOnly="True"/>
    <foreignKey source="activity_id" dest="id" inTable="activity" metaOnly="True"/>
    <column name="entity_id" type="text" required="True" ucd="meta.id;meta.main"
      tablehead="Entity" verbLevel="1"
      description="Id of the entity"/>
    <column name="ancestor_id" type="text" required="True" ucd="meta.id.parent"
      tablehead="Ancestor" verbLevel="1"
      description="Id of something it was made from"/>
    <column name="depth" type="integer" required="True" ucd="meta.number"
      tablehead="Depth" verbLevel="1"
      description="Number of steps between both, on the shortest way"/>
    <column name="activity_id" type="text" ucd="meta.id"
      tablehead="Activity" verbLevel="5"
      description="Id of the activity that used the ancestor, on the shortest way; the first by name if there are several"/>
  </table>

  <table id="dataset_step" onDisk="True" primary="obs_publisher_did" forceUnique="False">
    <meta name="description">The rows of last_step without what depends on this server's address.</meta>
    <column name="obs_publisher_did" type="text" required="True" ucd="meta.ref.ivoid;meta.main"
      tablehead="Publisher DID" verbLevel="1"
      description="Identifier of the dataset in ivoa.obscore"/>
    <column name="activity_id" type="text" ucd="meta.id"
      tablehead="Activity" verbLevel="1"
      description="Id of the activity that made it, in provenance.activity"/>
    <column name="activity_name" type="text" ucd="meta.title"
      tablehead="Activity name" verbLevel="1"
      description="Name of that activity"/>
    <column name="activity_type" type="text" ucd="meta.code.class"
      tablehead="Activity type" verbLevel="5"
      description="Type of that activity: Observation, Simulation, Reduction, Calibration, Reconstruction, Selection, Analysis, or what its record says"/>
    <column name="activity_version" type="text" ucd="meta.version"
      tablehead="Version" verbLevel="1"
      description="Version of the program, or pipeline, that it was"/>
    <column name="software_name" type="text" ucd="meta.id;meta.software"
      tablehead="Software" verbLevel="1"
      description="Software that it was done with"/>
    <column name="software_version" type="text" ucd="meta.version;meta.software"
      tablehead="Software version" verbLevel="1"
      description="Version of that software"/>
    <column name="start_time" type="timestamp" ucd="time.start"
      tablehead="Start" verbLevel="5"
      description="When the activity began, UTC"/>
    <column name="stop_time" type="timestamp" ucd="time.end"
      tablehead="End" verbLevel="5"
      description="When it ended, UTC"/>
    <column name="parameters" type="text" ucd="meta.note"
      tablehead="Parameters" verbLevel="10"
      description="Parameters of the activity: JSON object of names and values"/>
    <column name="config_file_url" type="text" ucd="meta.ref.url"
      tablehead="Configuration file" verbLevel="15"
      description="Public address or name of its configuration file"/>
    <column name="progenitor_dids" type="text" ucd="meta.ref.ivoid"
      tablehead="Progenitors" verbLevel="10"
      description="Published datasets it was made from, '#' in between: a list for ivo_hashlist_has ('#' in an identifier is %23 here)"/>
    <column name="agent_name" type="text" ucd="meta.id"
      tablehead="Agent" verbLevel="10"
      description="Person or organisation that answers for the dataset"/>
    <column name="agent_role" type="text" ucd="meta.code"
      tablehead="Role" verbLevel="10"
      description="Role of that agent"/>
    <column name="doc_url" type="text" ucd="meta.ref.url"
      tablehead="Documentation" verbLevel="15"
      description="Documentation of the activity"/>
  </table>

  <table id="last_step" onDisk="True" adql="True" namePath="dataset_step">
    <meta name="title">Last step of each dataset</meta>
    <meta name="table-rank">48</meta>
    <meta name="description">The last step in the making of each published dataset, one row a dataset, to be joined with ivoa.obscore by
      obs_publisher_did.</meta>
    <meta name="_associatedDatalinkService">
      <meta name="serviceId">cta/dl#links</meta>
      <meta name="idColumn">obs_publisher_did</meta>
    </meta>
    <LOOP listItems="obs_publisher_did activity_id activity_name activity_type activity_version software_name software_version start_time
      stop_time parameters config_file_url progenitor_dids agent_name agent_role doc_url">
      <events><column original="\item"/></events>
    </LOOP>
    <column name="provenance_url" type="text" ucd="meta.ref.url"
      tablehead="Provenance" verbLevel="1" displayHint="type=url"
      description="Where the whole provenance of the dataset is (ProvSAP)"/>
    <index columns="obs_publisher_did" metaOnly="True"/>
    <foreignKey source="activity_id" dest="id" inTable="activity" metaOnly="True"/>
    <viewStatement>
      CREATE VIEW \qName AS (SELECT \colNames FROM (
        SELECT *, '\getConfig{web}{serverURL}/provsap?ID=' || gavo_urlescape(obs_publisher_did) AS provenance_url
        FROM \schema.dataset_step) AS steps)
    </viewStatement>
  </table>

  <table id="entity_key" onDisk="True" primary="known_by,entity_id" forceUnique="False">
    <meta name="description">What entities are recognised by when further records are imported; not published.</meta>
    <index columns="entity_id"/>
    <column name="known_by" type="text" required="True" description="Product id, published identifier, or hash of a file's place or content"/>
    <column name="entity_id" type="text" required="True" description="Id of the entity"/>
  </table>

  <table id="imported_record" onDisk="True" primary="path" forceUnique="False">
    <meta name="description">Which records have been imported; not published.</meta>
    <column name="path" type="text" required="True" description="Name of the file, with a hash of its place"/>
    <column name="fingerprint" type="text" required="True" description="Digest of its content"/>
    <column name="imported" type="timestamp" description="When it was imported, UTC"/>
  </table>

  <data id="import" updating="True">
    <sources item="provenance records"/>
    <customGrammar module="res/provenance_grammar"/>
    <LOOP listItems="entity_description activity_description entity activity agent usage_description generation_description used
      was_generated_by was_associated_with was_attributed_to was_derived_from was_informed_by had_member
      parameter_description parameter config_file_description config_file was_configured_by progenitors dataset_step
      entity_key imported_record">
      <events><make table="\item"/></events>
    </LOOP>
  </data>

  <data id="views">
    <make table="last_step"/>
  </data>

  <!-- After an update of the software: tables keep their rows and get the columns they lack. -->
  <data id="upgrade" updating="True" auto="False">
    <sources item="the tables themselves"/>
    <nullGrammar/>
    <LOOP listItems="entity_description activity_description entity activity agent usage_description generation_description used
      was_generated_by was_associated_with was_attributed_to was_derived_from was_informed_by had_member
      parameter_description parameter config_file_description config_file was_configured_by progenitors dataset_step
      entity_key imported_record">
      <events>
        <make table="\item">
          <script name="add missing columns" type="newSource" lang="python">
            from ingest.dachs import add_missing_columns
            add_missing_columns(table)
          </script>
        </make>
      </events>
    </LOOP>
  </data>

  <!-- The record of the tables in the registry. -->
  <data id="tables" auto="False">
    <meta name="title">Provenance of Gamma-Ray Data of the \getConfig{web}{siteName}: Tables (ProvTAP)</meta>
    <meta name="shortName">CTA ProvTAP</meta>
    <register services="//tap#run"/>
    <LOOP listItems="last_step progenitors entity activity agent used was_generated_by was_associated_with was_attributed_to
      was_derived_from was_informed_by had_member activity_description entity_description usage_description
      generation_description parameter parameter_description config_file config_file_description was_configured_by">
      <events><make table="\item"/></events>
    </LOOP>
  </data>

  <execute every="30" title="import the provenance of cut-outs">
    <job>
      <code>
        from prov_tables.dachs import import_spool
        import_spool()
      </code>
    </job>
  </execute>

  <service id="sap" allowed="sync" defaultRenderer="sync">
    <meta name="title">\getConfig{web}{siteName}: Provenance Graphs</meta>
    <meta name="shortName">CTA ProvSAP</meta>
    <meta name="description">The provenance of a dataset, or what was made from it, as a graph: PROV-JSON, PROV-N, PROV-XML, VOTable or
      picture, in the terms of the IVOA or of the W3C (ProvSAP). ID is a publisher DID or the id of an entity or activity in the
      schema provenance of the TAP service.</meta>
    <publish render="api" sets="ivo_managed"/>
    <!-- DaCHS's own takes the formats of tables only. -->
    <inputKey name="responseformat" type="text" multiplicity="single" ucd="meta.code.mime" std="True"
      description="PROV-JSON (default), PROV-N, PROV-XML, PROV-VOTABLE, PROV-SVG, PROV-PNG, or their media types"/>
    <customCore module="res/provsap_core"/>
  </service>

  <service id="recipe" allowed="dlget">
    <meta name="title">Recipes of datasets</meta>
    <meta name="description">The command, or the parameters of the job, that would make a dataset again, with its configuration (ID).</meta>
    <customCore module="res/recipe_core"/>
  </service>
</resource>

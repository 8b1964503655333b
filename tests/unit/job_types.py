"""Job types for tests: descriptions as VOTables, and folders with a script."""

from __future__ import annotations

from pathlib import Path

SCRIPT = "def run(job):\n    (job.results / 'answer.txt').write_text('42')\n"
PARAMETERS = """
<PARAM ID="ra" name="ra" datatype="double" unit="deg" ucd="pos.eq.ra" type="no_query" value="">
  <DESCRIPTION>Right ascension, ICRS</DESCRIPTION><VALUES><MIN value="0"/><MAX value="360"/></VALUES></PARAM>
<PARAM name="nxpix" datatype="int" value="200"><VALUES><MIN value="1"/><MAX value="2000"/></VALUES></PARAM>
<PARAM name="emin" datatype="double" unit="TeV" ucd="em.energy;stat.min" value=""/>
<PARAM name="model" datatype="char" arraysize="*" value="pl">
  <VALUES><OPTION value="pl"/><OPTION value="ecpl"/></VALUES></PARAM>
<PARAM name="wide" datatype="boolean" value="false"/>
<PARAM name="band" datatype="double" arraysize="2" xtype="interval" unit="TeV" type="no_query" value=""/>
<PARAM name="comment" datatype="char" arraysize="*" type="no_query" value=""/>
"""
USED = """
<GROUP name="obs_ids" utype="voprov:UsageDescription">
  <DESCRIPTION>Observations to use</DESCRIPTION>
  <PARAM name="role" datatype="char" arraysize="*" value="events"/>
  <PARAM name="multiplicity" datatype="char" arraysize="*" value="1..*"/>
  <PARAM name="dataproduct_type" datatype="char" arraysize="*" value="event"/>
  <PARAM name="needs" datatype="char" arraysize="*" value="aeff edisp"/>
</GROUP>
"""
GENERATED = """
<GROUP name="answer" utype="voprov:GenerationDescription">
  <DESCRIPTION>The answer</DESCRIPTION>
  <PARAM name="role" datatype="char" arraysize="*" value="answer"/>
  <PARAM name="default" datatype="char" arraysize="*" value="answer.txt"/>
  <PARAM name="content_type" datatype="char" arraysize="*" value="text/plain"/>
</GROUP>
"""


def votable(
    name: str = "count",
    parameters: str = PARAMETERS,
    used: str = USED,
    generated: str = GENERATED,
    more: str = '<PARAM name="executionDuration" datatype="int" value="120"/>',
    description: str = "Counts photons. It does so quickly, e.g. in a second.",
) -> str:
    """Return a description."""
    return f"""<?xml version="1.0"?>
<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.4">
<RESOURCE ID="{name}" name="{name}" type="meta" utype="voprov:ActivityDescription">
<DESCRIPTION>{description}</DESCRIPTION>
{more}
<GROUP name="InputParams">{parameters}</GROUP>
<GROUP name="Used">{used}</GROUP>
<GROUP name="Generated">{generated}</GROUP>
</RESOURCE></VOTABLE>"""


def job_type(folder: Path, name: str = "count", script: str | None = SCRIPT, text: str | None = None) -> Path:
    """Make the folder of a job type below `folder`, and return its description."""
    own = folder / name
    own.mkdir(parents=True, exist_ok=True)
    if script is not None:
        (own / "script.py").write_text(script)
    path = own / "description.vot"
    path.write_text(votable(name) if text is None else text)
    return path

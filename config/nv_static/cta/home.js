// Fills in this server's own address and the list of collections on the home page.
for (const place of document.querySelectorAll(".tap-url")) {
  place.textContent = location.origin + "/tap";
}
const query = "SELECT name, title, terms, terms_uri, n_datasets, n_events, simulated FROM cta.collection" +
  " WHERE n_datasets>0 ORDER BY title";
fetch("/tap/sync?LANG=ADQL&FORMAT=json&QUERY=" + encodeURIComponent(query))
  .then(answer => answer.json())
  .then(result => {
    const body = document.getElementById("collections");
    const cell = (text, kind) => {
      const made = document.createElement("td");
      if (kind) { made.className = kind; }
      made.textContent = text === null ? "" : text;
      return made;
    };
    const rows = result.data.map(([name, title, terms, uri, files, events, simulated]) => {
      const row = document.createElement("tr");
      const first = cell(title);
      const small = document.createElement("small");
      small.textContent = name + (simulated === 1 ? ", simulated" : "");
      first.append(small);
      row.append(first, cell(terms || uri || "not stated"), cell(files.toLocaleString(), "number"),
        cell(events.toLocaleString(), "number"));
      return row;
    });
    body.replaceChildren(...rows);
  });

// A text that is no position is looked up among the names of the targets.
document.querySelector("form.search").addEventListener("submit", event => {
  const form = event.target, asked = form.elements.hscs_pos.value.trim();
  if (!/^[-+]?[0-9]/.test(asked)) {
    event.preventDefault();
    const query = new URLSearchParams({ __nevow_form__: "genForm", target_name: "~*" + asked + "*" });
    location.assign(form.action + "?" + query);
  }
});

// A table whose cells hold the clips with the values of their row and column; some hold several, some none.

function pivotTable(pivot, shown) {
  const table = element("table", "kn-pivot");
  table.style.setProperty("--kn-columns", String(pivot.col_labels.length));
  const head = element("tr");
  const corner = element("th", "kn-corner", { scope: "col" });
  corner.textContent = pivot.cols ? `${pivot.rows} ＼ ${pivot.cols}` : pivot.rows;
  head.append(corner);
  for (const label of pivot.col_labels) head.append(element("th", "", { scope: "col" }, label));
  table.append(element("thead", "", {}, head));
  const body = element("tbody");
  const cells = pivot.row_labels.map((label) => {
    const row = element("tr", "", {}, element("th", "", { scope: "row" }, label));
    const made = pivot.col_labels.map(() => element("td"));
    row.append(...made);
    body.append(row);
    return made;
  });
  for (const tile of shown) {
    const [row, column] = pivot.cells[tile.item.id] ?? [];
    cells[row]?.[column]?.append(tile.el);
  }
  for (const cell of cells.flat()) {
    if (!cell.childElementCount) cell.append(element("span", "kn-none", {}, "no run"));
  }
  table.append(body);
  return table;
}

"use strict";
// Tables with more rows than are shown: turned by pages, searched, sorted. All texts become text nodes, never markup.
for (const long of document.querySelectorAll(".long")) {
  const data = JSON.parse(long.querySelector("script").textContent);
  const table = long.querySelector("table");
  const heads = [...table.tHead.rows[0].cells];
  const classes = heads.map((head) => head.className);
  const [search, back, next] = long.querySelectorAll("input, button");
  const status = long.querySelector(".status");
  const left = status.textContent.split("; the script of this page shows the others.")[1];
  const count = data.columns[0].rows.length;
  const order = Array.from({ length: count }, (_, row) => row);
  let found = order;
  let sorted = { column: -1, sign: 1 };
  let first = 0;
  let texts = null;

  const field = (column, row) => {
    const { before, after, names, rows } = data.columns[column];
    return before + (names ? names[rows[row]] : rows[row]) + after;
  };
  const group = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

  const squares = (row) => {
    const cell = document.createElement("td");
    cell.className = "squares";
    const told = [];
    [...data.squares.rows[row]].forEach((digit, place) => {
      const level = parseInt(digit, 16);
      const square = cell.appendChild(document.createElement("span"));
      square.className = "h" + level;
      const share = level ? 10 * (level - 1) + " to " + 10 * level + "\u00a0%" : "nothing";
      told.push(data.squares.names[place] + ": " + share);
      square.title = told[place];
    });
    cell.setAttribute("aria-label", told.join(", "));
    return cell;
  };
  const draw = () => {
    const shown = found.slice(first, first + data.page);
    table.tBodies[0].replaceChildren(...shown.map((row) => {
      const line = document.createElement("tr");
      data.columns.forEach((_, column) => {
        const cell = line.appendChild(document.createElement(column ? "td" : "th"));
        if (column) cell.className = classes[column];
        else cell.scope = "row";
        const text = field(column, row);
        cell.textContent = classes[column] === "figure" ? text.replaceAll(" %", "\u00a0%") : text;
      });
      if (data.squares) line.firstChild.after(squares(row));
      return line;
    }));
    back.disabled = first === 0;
    next.disabled = first + data.page >= found.length;
    const range = group(first + 1) + " to " + group(first + shown.length) + " of " + group(found.length);
    const all = found.length === count ? "" : " found among " + group(count);
    status.textContent = (shown.length ? range + all + "." : "Nothing found among " + group(count) + ".") + left;
  };
  const find = () => {
    texts ??= order.map((row) => data.columns.map((_, column) => field(column, row)).join("\n").toLowerCase());
    const words = search.value.toLowerCase().split(" ").filter((word) => word);
    found = order.filter((row) => words.every((word) => texts[row].includes(word)));
    arrange();
  };
  const arrange = () => {
    const { column, sign } = sorted;
    if (column >= 0) {
      const isFigure = classes[column] === "figure";
      const value = (row) => {
        const text = field(column, row);
        const number = parseFloat(text);
        return isFigure ? (Number.isNaN(number) ? -1 : number) : text;
      };
      const values = new Map(found.map((row) => [row, value(row)]));
      const compare = (a, b) => (a === b ? 0 : a > b ? 1 : -1);
      found = [...found].sort((a, b) => sign * compare(values.get(a), values.get(b)) || a - b);
    }
    first = 0;
    draw();
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.title = "Sort";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const start = classes[column] === "figure" ? -1 : 1;
      sorted = { column, sign: sorted.column === column ? -sorted.sign : start };
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sorted.sign > 0 ? "ascending" : "descending");
      find();
    });
  });
  if (data.squares) {
    const head = document.createElement("th");
    head.scope = "col";
    head.textContent = data.squares.heading;
    heads[0].after(head);
  }
  search.addEventListener("input", find);
  back.addEventListener("click", () => { first = Math.max(0, first - data.page); draw(); });
  next.addEventListener("click", () => { first += data.page; draw(); });
  long.querySelector(".tools").hidden = false;
  draw();
}

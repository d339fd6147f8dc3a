"use strict";

// Shows the reports that pass the filters, a page of them at a time. Texts come out of the data
// element and go in as text nodes only, so that nothing in them is ever markup.

(() => {
  const PAGE_SIZE = 20;
  const PASSAGES_AT_ONCE = 8;
  const CONTEXT = 70; // Characters around an error.
  const WHOLE_FROM = 360; // Characters: a shorter text is shown whole.
  const NOTHING = -1;
  const ALL = -1;
  const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const RIGHT = data.kinds.indexOf("right");
  const hueOf = (label) => `hue-${label % data.hues}`;

  const make = (name, classes, ...content) => {
    const element = document.createElement(name);
    if (classes) element.className = classes;
    element.append(...content);
    return element;
  };
  const count = (number, one, many) =>
    `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

  // What is chosen.

  const initial = () => ({
    kinds: new Set(data.kinds.keys()),
    labels: new Set(data.labels.keys()),
    source: "",
    low: 0,
    high: 1,
    words: "",
    order: "file",
    whole: false,
    pair: null, // [gold label, predicted label] of a cell of the confusion table.
    mistake: ALL, // A kind of mistake.
    below: null, // A threshold: what scores less is to be reviewed, right or wrong.
    page: 0,
  });
  let chosen = initial();
  chosen.kinds.delete(RIGHT);
  let found = []; // [{report, hits}] that pass, in order.

  const labelOf = (spans, place) => (place < 0 ? NOTHING : spans[place][2]);
  const scoreOf = (report, outcome) => (outcome[2] < 0 ? null : report.found[outcome[2]][3]);

  // Without a score nobody is sure of a span.
  const isBelow = (score, cut) => !(score >= cut);
  const passes = (report, outcome) => {
    const [kind, goldPlace, foundPlace, mistake] = outcome;
    if (chosen.below !== null) return foundPlace >= 0 && isBelow(scoreOf(report, outcome) ?? NaN, chosen.below);
    if (chosen.mistake !== ALL && mistake !== chosen.mistake) return false;
    const gold = labelOf(report.gold, goldPlace);
    const predicted = labelOf(report.found ?? [], foundPlace);
    if (chosen.pair) return gold === chosen.pair[0] && predicted === chosen.pair[1] && inRange(report, outcome);
    if (!chosen.kinds.has(kind)) return false;
    return (chosen.labels.has(gold) || chosen.labels.has(predicted)) && inRange(report, outcome);
  };
  const anyScore = () => chosen.low <= 0 && chosen.high >= 1;
  const inRange = (report, outcome) => {
    if (anyScore()) return true;
    const score = scoreOf(report, outcome);
    return score !== null && score >= chosen.low && score <= chosen.high;
  };
  const isWanted = (report) => {
    if (chosen.source && report.source !== chosen.source) return false;
    return !chosen.words || report.id.includes(chosen.words) || report.text.includes(chosen.words);
  };
  const all = (set, list) => set.size === list.length;

  const choose = () => {
    // A report without any span has nothing to pass, but belongs where all is shown.
    const isPlain = !chosen.pair && chosen.below === null && chosen.mistake === ALL;
    const withEmpty = isPlain && all(chosen.kinds, data.kinds) && all(chosen.labels, data.labels) && anyScore();
    found = [];
    for (const report of data.reports) {
      if (!isWanted(report)) continue;
      const hits = report.outcomes.filter((outcome) => passes(report, outcome));
      if (hits.length || (withEmpty && !report.outcomes.length)) found.push({ report, hits });
    }
    const scores = ({ report, hits }) => hits.map((hit) => scoreOf(report, hit)).filter((s) => s !== null);
    const keys = {
      errors: (entry) => -entry.hits.length,
      surest: (entry) => -scores(entry).reduce((one, other) => Math.max(one, other), -1),
      doubtful: (entry) => scores(entry).reduce((one, other) => Math.min(one, other), 2),
    };
    const key = keys[chosen.order];
    if (key) found.sort((one, other) => key(one) - key(other));
  };

  // A report.

  const spanElement = (letters, { span, outcome, place, isHit }) => {
    const [start, end, label, score] = span;
    if (outcome === null) {
      const ghost = make("span", "ghost", letters.slice(start, end).join(""));
      ghost.title = "found on the other side only";
      return ghost;
    }
    const kind = data.kinds[outcome[0]];
    const element = make("mark", `span ${hueOf(label)}`, letters.slice(start, end).join(""));
    element.title = `${data.labels[label]} ${start}–${end}`;
    element.dataset.start = start;
    element.dataset.outcome = place;
    if (!isHit) {
      element.classList.add("quiet");
      return element;
    }
    const tag = make("span", "tag");
    tag.dir = "ltr";
    tag.lang = "en";
    if (outcome[0] !== RIGHT) {
      element.classList.add("error", `kind-${kind}`);
      tag.append(make("b", "", data.kind_names[outcome[0]]));
    }
    tag.append(data.labels[label]);
    if (typeof score === "number") tag.append(make("i", "", score.toFixed(2)));
    element.append(tag);
    return element;
  };

  const sideElement = (name, letters, spans, from, to) => {
    const text = make("div", "text");
    if (from > 0) text.append(make("span", "cut", "… "));
    let place = from;
    for (const entry of spans) {
      const [start, end] = entry.span;
      if (start < from || start >= to) continue;
      text.append(letters.slice(place, start).join(""));
      text.append(spanElement(letters, entry));
      place = Math.min(end, letters.length);
    }
    text.append(letters.slice(place, to).join(""));
    if (to < letters.length) text.append(make("span", "cut", " …"));
    const side = make("div", `side ${name}`, make("p", "side-name", name), text);
    return side;
  };

  // Where to cut: around each hit some context, to the next blank, and never through a span.
  const windowsOf = (letters, places, spans) => {
    const windows = [];
    for (const [start, end] of places) {
      let from = Math.max(0, start - CONTEXT);
      let to = Math.min(letters.length, end + CONTEXT);
      for (let moved = true; moved; ) {
        moved = false;
        while (from > 0 && !/\s/.test(letters[from - 1])) from -= 1;
        while (to < letters.length && !/\s/.test(letters[to])) to += 1;
        for (const { span } of spans) {
          if (span[0] < from && span[1] > from) [from, moved] = [span[0], true];
          if (span[0] < to && span[1] > to && to < letters.length) {
            [to, moved] = [Math.min(span[1], letters.length), true];
          }
        }
      }
      const last = windows.at(-1);
      if (last && from <= last[1] + 12) last[1] = Math.max(last[1], to);
      else windows.push([from, to]);
    }
    return windows;
  };

  // Where one side alone has a span, the other shows its place, for the eye to find it.
  const addGhosts = (sides, both) => {
    for (const { span, outcome, isHit } of both) {
      const other = outcome[2] < 0 ? sides.predicted : outcome[1] < 0 ? sides.gold : null;
      if (!isHit || !other) continue;
      if (other.some((entry) => entry.span[0] < span[1] && span[0] < entry.span[1])) continue;
      other.push({ span, outcome: null, isHit });
    }
  };

  const reportElement = ({ report, hits }, number) => {
    const letters = Array.from(report.text); // Offsets count code points.
    const passed = new Set(hits);
    const sides = { gold: [], predicted: [] };
    for (const [place, outcome] of report.outcomes.entries()) {
      const entry = { outcome, place, isHit: passed.has(outcome) };
      if (outcome[1] >= 0) sides.gold.push({ span: report.gold[outcome[1]], ...entry });
      if (outcome[2] >= 0) sides.predicted.push({ span: report.found[outcome[2]], ...entry });
    }
    const both = [...sides.gold, ...sides.predicted];
    addGhosts(sides, both);
    for (const side of Object.values(sides)) side.sort((one, other) => one.span[0] - other.span[0]);

    const card = make("article", "report");
    const title = make("h3", "", make("bdi", "", report.id));
    title.id = `report-${number}`;
    card.setAttribute("aria-labelledby", title.id);
    const right = report.outcomes.filter((outcome) => outcome[0] === RIGHT).length;
    const wrong = report.outcomes.length - right;
    const header = make(
      "header",
      "",
      title,
      make("p", "", make("bdi", "", report.source)),
      make("p", "", `${count(wrong, "error", "errors")}, ${right.toLocaleString("en")} right`),
    );
    card.append(header);
    if (report.task !== undefined) {
      const name = `task ${report.task}`;
      const task = make(data.project ? "a" : "p", "task", data.project ? `${name} in Label Studio` : name);
      if (data.project) {
        task.href = `${data.project}/data?task=${report.task}`;
        task.target = "_blank";
        task.rel = "noopener noreferrer";
      }
      header.append(task);
    }

    const body = make("div", "passages");
    const dir = RTL.test(report.text) ? "rtl" : "ltr";
    const show = (windows) => {
      for (const [from, to] of windows) {
        const passage = make("div", "passage");
        for (const [name, spans] of Object.entries(sides)) {
          const side = sideElement(name, letters, spans, from, to);
          const text = side.lastChild;
          text.dir = dir;
          if (dir === "rtl") text.lang = "ar";
          if (name === "predicted" && report.found === null) {
            side.append(make("p", "none-predicted", "There is no prediction of this report."));
          }
          passage.append(side);
        }
        body.append(passage);
      }
    };
    const everything = [[0, letters.length]];
    const places = both
      .filter((entry) => entry.isHit && entry.span[0] < letters.length)
      .map(({ span }) => span)
      .sort((one, other) => one[0] - other[0]);
    const windows = windowsOf(letters, places, both);
    const covered = windows.reduce((sum, [from, to]) => sum + to - from, 0);
    if (chosen.whole || letters.length <= WHOLE_FROM || !windows.length || covered > 0.85 * letters.length) {
      show(everything);
    } else {
      const hidden = windows.length - PASSAGES_AT_ONCE;
      const showPart = () => {
        show(windows.slice(0, PASSAGES_AT_ONCE));
        const told = `${count(hidden, "more passage is", "more passages are")} in the whole report.`;
        if (hidden > 0) body.append(make("p", "below hint", told));
      };
      showPart();
      const more = make("button", "more", "Whole report");
      more.type = "button";
      more.setAttribute("aria-expanded", "false");
      more.addEventListener("click", () => {
        const open = more.getAttribute("aria-expanded") === "false";
        more.setAttribute("aria-expanded", String(open));
        body.replaceChildren();
        if (open) show(everything);
        else showPart();
      });
      header.append(more);
    }
    card.append(body);
    const outside = both.filter(({ span }) => span[1] > letters.length);
    for (const { span } of outside) {
      const told = `predicted ${data.labels[span[2]]} ${span[0]}–${span[1]} ends behind the text of ${letters.length} characters`;
      card.append(make("p", "below outside", told));
    }
    return card;
  };

  // The list, and what stands around it.

  const cards = byId("cards");
  const render = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
    chosen.page = Math.min(chosen.page, pages - 1);
    const first = chosen.page * PAGE_SIZE;
    const shown = found.slice(first, first + PAGE_SIZE);
    cards.replaceChildren(...shown.map((entry, index) => reportElement(entry, first + index)));
    if (!shown.length) cards.append(make("p", "nobody", "No report passes these filters."));
    const spans = found.reduce((sum, { hits }) => sum + hits.length, 0);
    const withRight = chosen.pair
      ? chosen.pair[0] === chosen.pair[1]
      : chosen.below !== null || (chosen.mistake === ALL && chosen.kinds.has(RIGHT));
    const what = withRight ? count(spans, "span", "spans") : count(spans, "error", "errors");
    byId("count").textContent = `${what} in ${found.length.toLocaleString("en")} of ${count(data.reports.length, "report", "reports")}`;
    byId("where").textContent = `page ${chosen.page + 1} of ${pages}`;
    byId("previous").disabled = chosen.page === 0;
    byId("next").disabled = chosen.page === pages - 1;
    byId("pages").hidden = pages === 1;
    const name = (label) => (label === NOTHING ? "nothing" : data.labels[label]);
    byId("pair").hidden = !chosen.pair;
    if (chosen.pair) {
      byId("pair").textContent = `gold ${name(chosen.pair[0])}, predicted ${name(chosen.pair[1])}`;
      byId("pair").setAttribute("aria-label", `${byId("pair").textContent}: show all again`);
    }
    byId("below").hidden = chosen.below === null;
    if (chosen.below !== null) {
      byId("below").textContent = `to review: below ${chosen.below}`;
      byId("below").setAttribute("aria-label", `${byId("below").textContent}: show all again`);
    }
  };
  const update = () => {
    chosen.page = 0;
    choose();
    render();
  };
  // A cell of a table, or a threshold, shows its spans whatever the filters; they bring the list back.
  const showList = () => {
    chosen.pair = chosen.below = null;
    update();
  };
  const toReports = () => byId("reports").focus({ preventScroll: true });
  const leadToReports = () => {
    update();
    byId("reports").scrollIntoView();
    toReports();
  };
  const turn = (pages) => {
    chosen.page += pages;
    render();
    byId("browse").scrollIntoView();
    toReports();
  };

  // Filters.

  const totals = (keysOf) => {
    const counted = new Map();
    for (const report of data.reports) {
      for (const outcome of report.outcomes) {
        for (const key of new Set(keysOf(report, outcome))) counted.set(key, (counted.get(key) ?? 0) + 1);
      }
    }
    return counted;
  };
  const addChips = (into, names, classOf, set, counted) => {
    names.forEach((name, key) => {
      const input = make("input", "");
      input.type = "checkbox";
      input.value = key;
      input.checked = set().has(key);
      input.addEventListener("change", () => {
        if (input.checked) set().add(key);
        else set().delete(key);
        showList();
      });
      const shown = make("b", "", (counted.get(key) ?? 0).toLocaleString("en"));
      into.append(make("label", `chip ${classOf(key)}`, input, make("span", "", make("bdi", "", name), shown)));
    });
  };
  const fillFilters = () => {
    const kinds = totals((report, outcome) => [outcome[0]]);
    const labels = totals((report, outcome) => [
      labelOf(report.gold, outcome[1]),
      labelOf(report.found ?? [], outcome[2]),
    ]);
    addChips(byId("kinds"), data.kind_names, (key) => `kind-${data.kinds[key]}`, () => chosen.kinds, kinds);
    addChips(byId("labels"), data.labels, hueOf, () => chosen.labels, labels);
    const sources = new Map();
    for (const report of data.reports) sources.set(report.source, (sources.get(report.source) ?? 0) + 1);
    byId("source").append(new Option("all sources", ""));
    for (const [source, reports] of [...sources].sort()) {
      byId("source").append(new Option(`${source} (${reports.toLocaleString("en")})`, source));
    }
    byId("source").disabled = sources.size < 2;
    byId("mistake").append(new Option("all kinds", ALL));
    const mistakes = totals((report, outcome) => (outcome[3] < 0 ? [] : [outcome[3]]));
    for (const [mistake, errors] of [...mistakes].sort((one, other) => other[1] - one[1] || one[0] - other[0])) {
      byId("mistake").append(new Option(`${data.mistakes[mistake]} (${errors.toLocaleString("en")})`, mistake));
    }
    byId("mistake").disabled = !mistakes.size;
    const scored = data.reports.some((report) => report.found?.some((span) => span[3] !== null));
    if (!scored) {
      byId("low").disabled = byId("high").disabled = true;
      byId("score-hint").textContent = "These predictions carry no scores.";
    }
  };

  let waiting = 0;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, 150);
  };
  const onInput = (id, take, then) =>
    byId(id).addEventListener("input", (event) => {
      take(event.target);
      then();
    });
  const limit = (input, otherwise) => {
    const value = input.valueAsNumber;
    return Number.isNaN(value) ? otherwise : value;
  };

  fillFilters();
  onInput("mistake", (input) => (chosen.mistake = Number(input.value)), showList);
  onInput("source", (input) => (chosen.source = input.value), update);
  onInput("order", (input) => (chosen.order = input.value), update);
  onInput("whole", (input) => (chosen.whole = input.checked), render);
  onInput("low", (input) => (chosen.low = limit(input, 0)), soon);
  onInput("high", (input) => (chosen.high = limit(input, 1)), soon);
  onInput("words", (input) => (chosen.words = input.value.trim()), soon);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    const { kinds, ...others } = initial();
    kinds.delete(RIGHT);
    chosen = { kinds, ...others };
    for (const input of byId("kinds").querySelectorAll("input")) input.checked = kinds.has(Number(input.value));
    for (const input of byId("labels").querySelectorAll("input")) input.checked = true;
    for (const id of ["source", "words"]) byId(id).value = "";
    byId("mistake").value = ALL;
    byId("low").value = 0;
    byId("high").value = 1;
    byId("order").value = "file";
    byId("whole").checked = false;
    update();
  });
  for (const id of ["pair", "below"]) {
    byId(id).addEventListener("click", () => {
      if (id === "below") byId("order").value = chosen.order = "file";
      showList();
      toReports();
    });
  }
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  for (const button of document.querySelectorAll(".confusion button")) {
    button.addEventListener("click", () => {
      chosen.pair = [Number(button.dataset.gold), Number(button.dataset.predicted)];
      chosen.mistake = ALL;
      chosen.below = null;
      byId("mistake").value = ALL;
      leadToReports();
    });
  }
  for (const button of document.querySelectorAll(".mistakes button")) {
    button.addEventListener("click", () => {
      byId("filters").reset();
      byId("mistake").value = button.dataset.mistake;
      chosen.mistake = Number(button.dataset.mistake);
      leadToReports();
    });
  }

  // Thresholds.

  const cutOf = () => Math.min(1, Math.max(0, limit(byId("cut"), 0)));
  const tellCut = () => {
    const cut = cutOf();
    let [gold, kept, right, below, reports] = [0, 0, 0, 0, 0];
    for (const report of data.reports) {
      const before = below;
      gold += report.gold.length;
      for (const outcome of report.outcomes) {
        if (outcome[2] < 0) continue;
        if (isBelow(scoreOf(report, outcome) ?? NaN, cut)) below += 1;
        else {
          kept += 1;
          right += outcome[0] === RIGHT;
        }
      }
      reports += below > before;
    }
    const share = (part, whole) => (whole ? (part / whole).toFixed(3) : "–");
    byId("cut-told").textContent =
      `${count(below, "span", "spans")} in ${count(reports, "report", "reports")} to look at; ` +
      `the ${count(kept, "other", "others")} with precision ${share(right, kept)}, recall ${share(right, gold)}` +
      (data.left_out ? ", of the reports on this page." : ".");
    byId("show-review").disabled = !below;
    for (const row of document.querySelectorAll(".thresholds tr[data-cut]")) {
      row.classList.toggle("chosen", Number(row.dataset.cut) === cut);
    }
  };
  if (byId("review")) {
    byId("review").hidden = false;
    byId("cut").addEventListener("input", tellCut);
    byId("review").addEventListener("submit", (event) => {
      event.preventDefault();
      byId("filters").reset();
      chosen.below = cutOf();
      byId("order").value = chosen.order = "doubtful";
      leadToReports();
    });
    tellCut();
  }

  // Whoever points at a span sees what it was paired with on the other side.
  const partners = (event, on) => {
    const span = event.target.closest?.(".span:not(.quiet)");
    const report = span?.closest(".report");
    if (!report) return;
    for (const other of report.querySelectorAll(".span")) {
      const paired = other !== span && other.dataset.outcome === span.dataset.outcome;
      other.classList.toggle("partner", on && paired);
    }
  };
  cards.addEventListener("pointerover", (event) => partners(event, true));
  cards.addEventListener("pointerout", (event) => partners(event, false));

  if (matchMedia("(max-width: 60rem)").matches) byId("filters-fold").open = false;
  byId("browse").hidden = false;
  update();
})();

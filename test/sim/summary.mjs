/** What many seeds say together, for people. */

/** Adds one outcome to the total. */
export function merge(total, { seed, hours, inputs, faults, cells, violation }) {
  total.seeds += 1;
  total.hours += hours;
  total.inputs += inputs;
  for (const [fault, count] of faults) total.faults.set(fault, (total.faults.get(fault) ?? 0) + count);
  for (const [cell, count] of cells.reached) total.reached.set(cell, (total.reached.get(cell) ?? 0) + count);
  total.table = cells.table;
  if (violation !== null) total.violations.push({ seed, violation });
}

export function violationOf({ seed, hours, violation }, lines, replay) {
  return `${lines.map((line) => `    ${line}\n`).join('')}VIOLATION of seed ${seed} after ${hours.toFixed(2)} h: ${violation}\n  ${replay}\n`;
}

/** The cells of the table: how many were reached, and which were not. */
export function cellsOf({ reached, table }) {
  const missing = (kind) => [...table].filter(([cell, is]) => is === kind && !reached.has(cell)).map(([cell]) => cell);
  const acting = [...table.values()].filter((is) => is === 'acts').length;
  const [idle, unmet] = [missing('acts'), missing('ignores')];
  return [
    `cells: ${acting - idle.length} of ${acting} that act, ${table.size - acting - unmet.length} of ${table.size - acting} that ignore`,
    ...(idle.length > 0 ? [`  not reached, though they act: ${idle.join(', ')}`] : []),
    ...(unmet.length > 0 ? [`  not reached, and to be ignored: ${unmet.join(', ')}`] : []),
    '',
  ].join('\n');
}

export function faultsOf({ faults }) {
  const sorted = [...faults].sort(([, a], [, b]) => b - a);
  return `faults: ${sorted.map(([fault, count]) => `${fault} ${count}`).join(', ')}\n`;
}

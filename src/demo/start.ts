/** Joins the demo engine's parts: open the port, load, then serve. */

import { createServer } from 'node:http';
import { createCompletions } from './completions.js';
import type { Flags } from './flags.js';
import { createLife, type Host, type Life } from './life.js';
import type { Log } from './log.js';
import type { Order } from './orders.js';
import { createHandler } from './routes.js';

/** Runs until it is ended by a signal or an order. */
export function startEngine(flags: Flags, host: Host, log: Log): void {
  let bound = flags.port;
  const door = {
    open: () => void server.listen(bound, flags.host),
    shut: () => void server.close(),
  };
  const life = createLife(flags, host, log, door, () =>
    log.line('I', 'llama_server', `listening on http://${flags.host}:${bound}`),
  );
  const completions = createCompletions(flags, life, log);
  const server = createServer(createHandler(flags, life, completions, log, (order) => carryOut(order, flags, life, log)));

  server.on('error', () => {
    log.line('E', 'start', `couldn't bind HTTP server socket, hostname: ${flags.host}, port: ${flags.port}`);
    log.line('E', 'llama_server', 'exiting due to HTTP server error');
    life.end(1);
  });
  server.listen(flags.port, flags.host);
  server.once('listening', () => {
    // Whoever asked for any port comes back on the one that it was given.
    bound = port();
    life.load(null);
    for (const order of flags.orders) carryOut(order, flags, life, log);
  });

  function port(): number {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : flags.port;
  }
}

function carryOut(order: Order, { model }: Flags, life: Life, log: Log): Readonly<Record<string, unknown>> {
  if (order.model !== null && !model.includes(order.model)) return { model };
  const now = () => {
    // Told when it is done, so that the line can be waited for; one that ends everything could not tell any more.
    if (order.ends) log.line('W', 'demo', `carrying out the order ${order.text}`);
    const result = order.carryOut(life);
    if (!order.ends) log.line('W', 'demo', `carried out the order ${order.text}`);
    return result;
  };
  if (order.afterMs === 0) return now();
  setTimeout(now, order.afterMs);
  return { after_ms: order.afterMs };
}

/** The API's description of itself. Hardly anybody asks for it, so it is loaded and made when somebody does. */

import { routes } from './routes.js';
import { correlationId, parameters } from './validate.js';

export async function describeItself(version: string): Promise<unknown> {
  const { describe } = await import('./openapi/document.js');
  return describe({ version, routes, parameters, correlationId });
}

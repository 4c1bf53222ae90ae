/**
 * fast-check, whose chance is one seed: what passes once passes again, on every machine. Another seed finds other things:
 * `PROPERTY_SEED=$RANDOM npm test -- unit pure`.
 */

import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 1) });

// biome-ignore lint/style/noDefaultExport: as fast-check has it
export default fc;

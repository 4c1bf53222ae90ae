/** What `work` takes of the processor, ms: unlike the time by the clock it does not depend on who else runs on the machine. */
export function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

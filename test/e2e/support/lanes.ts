/**
 * Repeats each lane without pause while `work` runs.
 * @throws what a lane or the work has thrown; a lane that ends early is told when the work is done, or has failed
 */
export async function whileRepeating(
  lanes: readonly (() => Promise<void>)[],
  work: () => Promise<void>,
): Promise<void> {
  let going = true;
  const running = lanes.map(async (lane) => {
    while (going) await lane();
  });
  const all = Promise.all(running);
  all.catch(() => undefined);
  try {
    await work();
  } finally {
    going = false;
    await Promise.allSettled(running);
  }
  await all;
}

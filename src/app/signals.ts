export interface SignalHandlers {
  readonly onHangup: () => void;
  /** A second SIGTERM or SIGINT, while the first is being obeyed. */
  readonly onSecond: () => void;
}

/** Resolves on the first SIGTERM or SIGINT. */
export function untilSignal(handlers: SignalHandlers): Promise<void> {
  process.on('SIGHUP', handlers.onHangup);
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (): void => {
      if (stopping) handlers.onSecond();
      stopping = true;
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}

/** Where the bytes of a flow come from: told when they may come and when not. Both may be called again and again. */
export interface FlowSource {
  start(): void;
  stop(): void;
}

/** Where they go. */
export interface FlowSink {
  /** Bytes are the flow's: copied or sent before the call returns. */
  write(buf: Uint8Array, from: number, to: number): void;
  /** After one or more writes. False: no more until `resume` is called. */
  flush(): boolean;
  end(trailers: string): void;
}

/** Told once when a body can't go on. */
export interface FlowOwner {
  onFlowFailed(error: Error): void;
}

/** What is to be said about the length of a body: nothing new, that it is unknown, or the bytes. */
export type BodyLength = 'asSent' | 'unknown' | number;

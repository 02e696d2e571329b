/** What one replica serves of one object. */
export interface Acknowledgement {
  /** `kind/namespace/name` */
  readonly key: string;
  /** Version of the object that every thread of the replica has taken. */
  readonly version: string;
  /** Why a rule of it answers 500 there; null when every rule was bound. */
  readonly failure: string | null;
}

/** One answer of `/acks`: what is new since the cursor that was asked for. */
export interface AckPage {
  /** Differs for each start of a replica: its cursors begin anew then, and `acks` holds everything. */
  readonly epoch: string;
  readonly cursor: number;
  /** Whether anyone serves what the replica publishes: one without threads may have no data plane that follows it. */
  readonly attended: boolean;
  readonly acks: readonly Acknowledgement[];
}

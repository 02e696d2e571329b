import type { Json } from './document.ts';

export type Dialect = '2020-12' | 'draft-07';
export type ParameterPlace = 'path' | 'query' | 'header' | 'cookie';

/** Where something is checked: a schema, by its JSON Pointer into the document. */
export interface ParameterPlan {
  readonly in: ParameterPlace;
  readonly name: string;
  readonly required: boolean;
  readonly schema: string;
  /** A list comes as several parameters of one name, not as one with commas. */
  readonly explode: boolean;
}

export interface BodyPlan {
  readonly required: boolean;
  /** By pattern of the media type, the most exact first. */
  readonly types: readonly { readonly mediaType: string; readonly schema: string | null }[];
}

/** What an answer of some statuses has to be. */
export interface AnswerPlan {
  /** `200`, `4xx`, or `default`: all others. */
  readonly status: string;
  readonly headers: readonly ParameterPlan[];
  /** All headers as one object. */
  readonly objects: readonly string[];
  /** By pattern of the media type, the most exact first; null: nobody looks at the body. */
  readonly types: BodyPlan['types'] | null;
}

export interface OperationPlan {
  /** null: every path. */
  readonly template: string | null;
  /** Upper case; null: every method. */
  readonly method: string | null;
  readonly parameters: readonly ParameterPlan[];
  /** All parameters of a place as one object. */
  readonly objects: readonly { readonly in: ParameterPlace; readonly schema: string }[];
  /** null: nobody looks at it. */
  readonly body: BodyPlan | null;
  /** null: nobody looks at them. */
  readonly answers: readonly AnswerPlan[] | null;
}

/** What is checked, as plain data. */
export interface Plan {
  readonly dialect: Dialect;
  readonly document: Json;
  /** Of paths; before templates. */
  readonly basePath: string;
  readonly operations: readonly OperationPlan[];
}

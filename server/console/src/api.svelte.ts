// What is asked of the server, typed by its own description.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";
import { say } from "./words.svelte";

export type Schemas = components["schemas"];

export const api = createClient<paths>({ baseUrl: "" });

/** What went wrong, in words that can be shown. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

interface Answer {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** The answer, or why there is none. */
export async function got<A extends Answer>(asking: Promise<A>): Promise<NonNullable<A["data"]>> {
  let answer: A;
  try {
    answer = await asking;
  } catch {
    throw new Failure(0, say("server-away"));
  }
  if (!answer.response.ok) {
    const detail = (answer.error as { detail?: string } | undefined)?.detail;
    if (answer.response.status === 401) me.now = null;
    throw new Failure(answer.response.status, detail ?? `${answer.response.status} ${answer.response.statusText}`);
  }
  return answer.data as NonNullable<A["data"]>;
}

/** Who is signed in: `undefined` until that is known, `null` for nobody. */
export const me = $state<{ now: Schemas["Me"] | null | undefined }>({ now: undefined });

export async function recognise(): Promise<void> {
  try {
    me.now = await got(api.GET("/api/v1/me"));
  } catch (failure) {
    me.now = null;
    if (!(failure instanceof Failure) || failure.status !== 401) throw failure;
  }
}

export function may(right: string): boolean {
  return me.now?.rights.includes(right) ?? false;
}

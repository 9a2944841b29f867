// The words of the page, from assets/locales, in the language that somebody has chosen.
import { FluentBundle, FluentResource, type FluentVariable } from "@fluent/bundle";
import english from "../../../assets/locales/console.en.ftl?raw";
import vietnamese from "../../../assets/locales/console.vi.ftl?raw";

export type Language = "vi" | "en";

const bundles: Record<Language, FluentBundle> = { vi: bundle("vi", vietnamese), en: bundle("en", english) };

function bundle(language: Language, text: string): FluentBundle {
  const bundle = new FluentBundle(language, { useIsolating: false });
  const [error] = bundle.addResource(new FluentResource(text));
  if (error) throw error;
  return bundle;
}

const chosen = $state({ language: remembered() });

function remembered(): Language {
  return localStorage.getItem("language") === "en" ? "en" : "vi";
}

export function language(): Language {
  return chosen.language;
}

export function choose(language: Language): void {
  chosen.language = language;
  localStorage.setItem("language", language);
  document.documentElement.lang = language;
}

/** A text by its key; the key itself where there is none, so that it is seen. */
export function say(key: string, values?: Record<string, FluentVariable>): string {
  const message = bundles[chosen.language].getMessage(key);
  return message?.value ? bundles[chosen.language].formatPattern(message.value, values) : key;
}

/** A name that comes in both languages. */
export function named(name: string | { vi: string; en?: string | null } | null | undefined): string {
  if (!name) return "";
  if (typeof name === "string") return name;
  return (chosen.language === "en" && name.en) || name.vi;
}

/** Without diacritics: `giai ngan` finds `Giải ngân`. */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").toLowerCase();
}

/** A moment in microseconds of Unix time, by the clocks of Việt Nam. */
export function moment(micros: number | null | undefined): string {
  if (micros == null) return "–";
  const style = { dateStyle: "short", timeStyle: "short", timeZone: "Asia/Ho_Chi_Minh" } as const;
  return new Intl.DateTimeFormat(chosen.language === "vi" ? "vi-VN" : "en-GB", style).format(micros / 1000);
}

/** Puts the components' style into the page, once. */
import css from "./style.css?inline";

const ID = "media-forensics-style";

export function putStyle(): void {
  if (document.getElementById(ID)) return;
  const style = document.createElement("style");
  style.id = ID;
  style.textContent = css;
  document.head.appendChild(style);
}

"use strict";
// Elements of any page; their text is only ever set as text, since models wrote it.
const make = (tag, text, ...classes) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  element.classList.add(...classes);
  return element;
};
const entry = (title, ...content) => {
  const group = make("div");
  const value = make("dd");
  value.append(...content);
  group.append(make("dt", title), value);
  return group;
};

// The page: opened radiographs, questions by words or drawn box, a report, and boxes that light up with their sentences.
import "./tools.js";
import "./overlay.js";
import "./strip.js";
import "./hints.js";
import "./ask_form.js";
import "./answers_view.js";
import "./report_view.js";
import "./tabs.js";
import "./keys.js";
import "./exports/menu.js";
import { meet } from "./about.js";
import { changed } from "./state.js";

changed();
meet();

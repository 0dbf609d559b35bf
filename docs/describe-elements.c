/* Describes elements as the type system knows them, as tab-separated lines for generate-elements.py.
 *
 * Neither the text of gst-inspect-1.0, which changes from version to version, nor introspection is needed. Only what
 * an element's own type adds is told, not what it inherits from GstBin.
 *
 *     describe-elements NAME...
 */
#include <gst/gst.h>

static GHashTable *enums; /* GType → itself: those of ours that a property has or a signal carries */

static void
say (const char *const *columns) {
  for (; *columns; columns++) {
    gchar *clean = g_strdelimit (g_strdup (*columns), "\t\n", ' ');
    g_print ("%s%c", clean, columns[1] ? '\t' : '\n');
    g_free (clean);
  }
}
#define SAY(...) say ((const char *const[]){ __VA_ARGS__, NULL })

static gchar *
default_of (GParamSpec *spec) {
  const GValue *value = g_param_spec_get_default_value (spec);
  if (G_IS_PARAM_SPEC_ENUM (spec)) {
    GEnumValue *row = g_enum_get_value (G_PARAM_SPEC_ENUM (spec)->enum_class, g_value_get_enum (value));
    return g_strdup (row ? row->value_nick : "");
  }
  if (G_IS_PARAM_SPEC_FLAGS (spec)) return g_strdup_printf ("0x%x", g_value_get_flags (value));
  if (G_IS_PARAM_SPEC_STRING (spec)) return g_strdup (g_value_get_string (value) ? g_value_get_string (value) : "");
  if (G_IS_PARAM_SPEC_BOOLEAN (spec)) return g_strdup (g_value_get_boolean (value) ? "true" : "false");
  if (G_IS_PARAM_SPEC_UINT (spec)) return g_strdup_printf ("%u", g_value_get_uint (value));
  if (G_IS_PARAM_SPEC_INT (spec)) return g_strdup_printf ("%d", g_value_get_int (value));
  if (G_IS_PARAM_SPEC_DOUBLE (spec)) return g_strdup_printf ("%g", g_value_get_double (value));
  return g_strdup ("");
}

static gchar *
range_of (GParamSpec *spec) {
  if (G_IS_PARAM_SPEC_INT (spec))
    return g_strdup_printf ("%d to %d", G_PARAM_SPEC_INT (spec)->minimum, G_PARAM_SPEC_INT (spec)->maximum);
  if (G_IS_PARAM_SPEC_DOUBLE (spec))
    return g_strdup_printf ("%g to %g", G_PARAM_SPEC_DOUBLE (spec)->minimum, G_PARAM_SPEC_DOUBLE (spec)->maximum);
  if (!G_IS_PARAM_SPEC_UINT (spec)) return g_strdup ("");
  return g_strdup_printf ("%u to %u", G_PARAM_SPEC_UINT (spec)->minimum, G_PARAM_SPEC_UINT (spec)->maximum);
}

static const char *
access_of (GParamSpec *spec) {
  if (!(spec->flags & G_PARAM_WRITABLE)) return "read";
  return spec->flags & G_PARAM_READABLE ? "read, write" : "write";
}

static const char *
when_of (GParamSpec *spec) {
  if (!(spec->flags & G_PARAM_WRITABLE)) return "";
  if (spec->flags & GST_PARAM_MUTABLE_PLAYING) return "at any time";
  if (spec->flags & GST_PARAM_MUTABLE_PAUSED) return "up to PAUSED";
  if (spec->flags & GST_PARAM_MUTABLE_READY) return "up to READY";
  return "in NULL";
}

static void
note_enum (GType type) {
  if (G_TYPE_IS_ENUM (type) && g_str_has_prefix (g_type_name (type), "GstLiveKit"))
    g_hash_table_add (enums, GSIZE_TO_POINTER (type));
}

static void
describe_properties (const char *kind, GType type) {
  GObjectClass *klass = g_type_class_ref (type);
  guint count = 0;
  GParamSpec **specs = g_object_class_list_properties (klass, &count);
  for (guint i = 0; i < count; i++) {
    GParamSpec *spec = specs[i];
    if (spec->owner_type != type) continue;
    const char *blurb = g_param_spec_get_blurb (spec);
    gchar *value = default_of (spec), *range = range_of (spec);
    const char *type_name = g_type_name (spec->value_type);
    SAY (kind, spec->name, type_name, value, range, access_of (spec), when_of (spec), blurb ? blurb : "");
    g_free (value);
    g_free (range);
    note_enum (spec->value_type);
  }
  g_free (specs);
  g_type_class_unref (klass);
}

static void
describe_signals (GType type) {
  guint count = 0;
  guint *ids = g_signal_list_ids (type, &count);
  for (guint i = 0; i < count; i++) {
    GSignalQuery query;
    g_signal_query (ids[i], &query);
    GString *arguments = g_string_new (NULL);
    for (guint j = 0; j < query.n_params; j++) {
      const GType argument = query.param_types[j] & ~G_SIGNAL_TYPE_STATIC_SCOPE;
      g_string_append_printf (arguments, "%s%s", j ? "," : "", g_type_name (argument));
      note_enum (argument);
    }
    SAY (query.signal_flags & G_SIGNAL_ACTION ? "action" : "signal", query.signal_name,
         g_type_name (query.return_type & ~G_SIGNAL_TYPE_STATIC_SCOPE), arguments->str);
    g_string_free (arguments, TRUE);
  }
  g_free (ids);
}

static void
describe_template (GstPadTemplate *pad) {
  static const char *const presences[] = { "always", "sometimes", "request" };
  GstCaps *caps = gst_pad_template_get_caps (pad);
  GType type = GST_TYPE_PAD;
  g_object_get (pad, "gtype", &type, NULL);
  SAY ("template", GST_PAD_TEMPLATE_NAME_TEMPLATE (pad), GST_PAD_TEMPLATE_DIRECTION (pad) == GST_PAD_SRC ? "source" : "sink",
       presences[GST_PAD_TEMPLATE_PRESENCE (pad)], g_type_name (type));
  for (guint i = 0; i < gst_caps_get_size (caps); i++)
    SAY ("caps", gst_structure_get_name (gst_caps_get_structure (caps, i)));
  gst_caps_unref (caps);
}

/* What stands for one participant in a mix is made by name, so that no template tells of it. */
static void
describe_children (GstPadTemplate *pad) {
  const char *name = GST_PAD_TEMPLATE_NAME_TEMPLATE (pad);
  const char *child = g_str_equal (name, "audio_mix")   ? "GstLiveKitMixVoice"
                      : g_str_equal (name, "video_mix") ? "GstLiveKitMixPicture"
                                                        : NULL;
  if (!child) return;
  gchar *shown = g_strconcat (name, "::IDENTITY", NULL);
  SAY ("pad-type", shown);
  describe_properties ("pad-property", g_type_from_name (child));
  g_free (shown);
}

static gint
compare_names (gconstpointer a, gconstpointer b) {
  return g_strcmp0 (g_type_name (GPOINTER_TO_SIZE (a)), g_type_name (GPOINTER_TO_SIZE (b)));
}

static gboolean
describe (const char *name) {
  GstElementFactory *factory = gst_element_factory_find (name);
  GstPluginFeature *loaded = factory ? gst_plugin_feature_load (GST_PLUGIN_FEATURE (factory)) : NULL;
  if (!loaded) {
    g_printerr ("no element %s\n", name);
    return FALSE;
  }
  const GType type = gst_element_factory_get_element_type (GST_ELEMENT_FACTORY (loaded));
  GstElementClass *klass = g_type_class_ref (type);
  enums = g_hash_table_new (NULL, NULL);
  SAY ("element", name, g_type_name (type), gst_element_class_get_metadata (klass, GST_ELEMENT_METADATA_KLASS),
       gst_element_class_get_metadata (klass, GST_ELEMENT_METADATA_DESCRIPTION));
  describe_properties ("property", type);
  for (GList *l = gst_element_class_get_pad_template_list (klass); l; l = l->next)
    describe_template (l->data);
  GType last = G_TYPE_NONE; /* templates of one type stand together */
  for (GList *l = gst_element_class_get_pad_template_list (klass); l; l = l->next) {
    GType pad_type = G_TYPE_NONE;
    g_object_get (l->data, "gtype", &pad_type, NULL);
    if (pad_type == G_TYPE_NONE || pad_type == last) continue;
    last = pad_type;
    SAY ("pad-type", GST_PAD_TEMPLATE_NAME_TEMPLATE (GST_PAD_TEMPLATE (l->data)));
    describe_properties ("pad-property", pad_type);
    describe_children (GST_PAD_TEMPLATE (l->data));
  }
  describe_signals (type);

  GList *types = g_list_sort (g_hash_table_get_keys (enums), compare_names);
  for (GList *l = types; l; l = l->next) {
    GEnumClass *values = g_type_class_ref (GPOINTER_TO_SIZE (l->data));
    SAY ("enum", g_type_name (GPOINTER_TO_SIZE (l->data)));
    for (guint i = 0; i < values->n_values; i++)
      SAY ("value", values->values[i].value_nick, values->values[i].value_name);
    g_type_class_unref (values);
  }
  g_list_free (types);
  g_hash_table_unref (enums);
  g_type_class_unref (klass);
  gst_object_unref (loaded);
  gst_object_unref (factory);
  return TRUE;
}

int
main (int argc, char **argv) {
  gst_init (&argc, &argv);
  gboolean fine = TRUE;
  for (int i = 1; i < argc; i++)
    fine &= describe (argv[i]);
  return fine ? 0 : 1;
}
